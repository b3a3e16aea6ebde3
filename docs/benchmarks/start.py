"""``start``: a whole process, from the first import to the alpha of one photo, ours and with torch and transformers."""

import argparse
import logging
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import materials
import numpy as np
from competitors import OURS
from records import new_record, print_table, save
from rounds import median_ratio

log = logging.getLogger("benchmarks")

SCRIPTS = {OURS: "start_ours.py", "torch": "start_torch.py"}
SIZE = (512, 512)
UNKNOWN = 0.15


def run(arguments: argparse.Namespace) -> bool:
    """Measure with every number of threads; print and save; whether the alphas agree."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        materials.put_checkpoint(folder, arguments.model)
        share = materials.put_photo(folder, *SIZE, UNKNOWN)
        succeeded = True
        for threads in arguments.threads:
            results, imports = _measure(folder, threads, arguments.rounds)
            more = {"unknown_share": share, "import_seconds": imports, "results": results}
            record = new_record("start", *SIZE, threads, **more)
            succeeded &= print_table(record)
            print(f"import numpy_vitmatte: median {statistics.median(imports):.3f} s\n", flush=True)
            save(record, arguments.output)
    return succeeded


def _measure(folder: Path, threads: int, rounds: int) -> tuple[dict[str, dict], list[float]]:
    """By script its results; and the seconds of a process that only imports this package."""
    here = Path(__file__).parent
    commands = {name: [here / script, folder, folder / f"{name}.npy", threads] for name, script in SCRIPTS.items()}
    commands["import"] = ["-c", "import numpy_vitmatte"]
    for command in commands.values():
        _seconds(command)  # disk and kernel caches
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            seconds[name].append(_seconds(command))
            log.info("%s: %.3f s", name, seconds[name][-1])
    alphas = {name: np.load(folder / f"{name}.npy") for name in SCRIPTS}
    results = {
        name: {
            "seconds": seconds[name],
            "median_seconds": statistics.median(seconds[name]),
            "ratio": median_ratio(seconds[OURS], seconds[name]),
            "largest_difference": float(np.abs(alphas[name] - alphas[OURS]).max()),
        }
        for name in SCRIPTS
    }
    return results, seconds["import"]


def _seconds(command: list) -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, *map(str, command)], check=True, stderr=subprocess.DEVNULL)
    return time.perf_counter() - started
