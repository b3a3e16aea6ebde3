"""``memory``: peak resident memory of our process over the number of pixels, and how it grows."""

import argparse
import logging
import tempfile
from pathlib import Path

import materials
import numpy as np
from competitors import OURS
from machine import available_memory
from records import new_record, save
from worker import Assignment, Worker

log = logging.getLogger("benchmarks")

# A picture whose own memory is nothing: what the process holds with the model loaded and used.
BASE_SIZE = (64, 64)


def run(arguments: argparse.Namespace) -> bool:
    """Measure every size with every number of threads; print and save."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        materials.put_checkpoint(folder, arguments.model)
        tasks = {}
        for size in (BASE_SIZE, *arguments.sizes):
            tasks[size] = materials.new_task(folder, f"{size[0]}x{size[1]}")
            materials.put_pixel_values(tasks[size], *size)
        _peak(tasks[BASE_SIZE], 1)  # compiles what is not compiled yet, in a process that is not measured
        for threads in arguments.threads:
            peaks = {size: _peak(task, threads) for size, task in tasks.items()}
            _report(peaks, threads, arguments.output)
    return True


def _peak(task: Path, threads: int) -> float:
    megabytes = Worker(OURS, Assignment("forward", task, threads, available_memory())).finish()[1]
    log.info("%s, threads %d: %.0f MB", task.name, threads, megabytes)
    return megabytes


def _report(peaks: dict[tuple[int, int], float], threads: int, output: Path) -> None:
    base = peaks.pop(BASE_SIZE)
    print(f"memory, threads {threads}: {base:.0f} MB with the model alone")
    for (height, width), megabytes in peaks.items():
        print(f"{height:>5} x {width:<5}{height * width / 1e6:>7.2f} megapixels{megabytes:>9.0f} MB")
    exponent = growth([height * width for height, width in peaks], [peak - base for peak in peaks.values()])
    print(f"what pictures add grows with their pixels to the power {exponent:.2f}\n", flush=True)
    measured = [{"height": size[0], "width": size[1], "peak_megabytes": peak} for size, peak in peaks.items()]
    more = {"model_megabytes": base, "exponent": exponent, "measured": measured}
    save(new_record("memory", *max(peaks), threads, **more), output)


def growth(pixels: list[int], megabytes: list[float]) -> float:
    """The p of megabytes = c * pixels**p, fitted by least squares to the logarithms."""
    return float(np.polyfit(np.log(pixels), np.log(megabytes), 1)[0])
