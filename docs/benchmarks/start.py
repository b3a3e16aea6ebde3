"""``start``: a whole process, from the first import to the alpha of one photo, ours and with torch and transformers.

Besides, two processes of this package alone: one that imports what matting needs, one that prints the help.
"""

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
ALONE = {"import": ["-c", "from numpy_vitmatte import matte"], "help": ["-m", "numpy_vitmatte", "--help"]}


def run(arguments: argparse.Namespace) -> bool:
    """Measure with every number of threads; print and save; whether the alphas agree."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        materials.put_checkpoint(folder, arguments.model)
        share = materials.put_photo(folder, *SIZE, UNKNOWN)
        succeeded = True
        for threads in arguments.threads:
            results, alone = _measure(folder, threads, arguments.rounds)
            more = {f"{name}_seconds": seconds for name, seconds in alone.items()}
            ratio = median_ratio(alone["help"], alone["import"])
            record = new_record(
                "start", *SIZE, threads, unknown_share=share, help_to_import=ratio, results=results, **more
            )
            succeeded &= print_table(record)
            for name, command in ALONE.items():
                print(f"python {' '.join(command)}: median {statistics.median(alone[name]):.3f} s")
            print(f"the help takes {ratio:.2f} of the import\n", flush=True)
            save(record, arguments.output)
    return succeeded


def _measure(folder: Path, threads: int, rounds: int) -> tuple[dict[str, dict], dict[str, list[float]]]:
    """Results by script, and seconds by what this package does alone."""
    here = Path(__file__).parent
    commands = {name: [here / script, folder, folder / f"{name}.npy", threads] for name, script in SCRIPTS.items()}
    commands |= ALONE
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
    return results, {name: seconds[name] for name in ALONE}


def _seconds(command: list) -> float:
    started = time.perf_counter()
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run([sys.executable, *map(str, command)], check=True, **quiet)
    return time.perf_counter() - started
