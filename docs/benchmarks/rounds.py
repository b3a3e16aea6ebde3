"""Interleaved rounds: a machine's speed drifts, so whoever is compared runs within the same minute."""

import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from competitors import OURS
from worker import Failed, Worker

# From this many pixels on, the processes do not fit into memory side by side: each round starts them one by one.
ALONE_FROM = 2_000_000

# Seconds of rest before each run: thread pools spin for a while after their work, and would take from the next one's.
REST = 0.3


def measure(names: list[str], task: Path, threads: int, rounds: int, max_memory: int, failed: dict[str, str]) -> dict:
    """Run the rounds; by competitor, its seconds and peak memory, or why it failed.

    Every round is in another order, so that nobody always follows the same one. A competitor that fails takes no part
    in the rest; `failed` holds those that failed before.
    """
    pixels = np.load(task / "pixel_values.npy", mmap_mode="r").shape
    together = pixels[2] * pixels[3] < ALONE_FROM
    results: dict[str, dict] = {name: {"seconds": []} for name in names}
    for name, reason in failed.items():
        results[name]["failed"] = reason
    workers: dict[str, Worker] = {}
    last: dict[str, tuple[np.ndarray, float]] = {}
    for name, is_last in _order(names, rounds):
        result = results[name]
        if "failed" in result:
            continue
        try:
            worker = workers.pop(name, None) or Worker(name, task, threads, max_memory)
            time.sleep(REST)
            result["seconds"].append(worker.run())
            if together and not is_last:
                workers[name] = worker
            else:
                last[name] = worker.finish()
        except Failed as error:
            result["failed"] = str(error)
    return _summarised(results, last)


def _order(names: list[str], rounds: int) -> Iterator[tuple[str, bool]]:
    for number in range(rounds):
        shift = number % len(names)
        for name in names[shift:] + names[:shift]:
            yield name, number == rounds - 1


def _summarised(results: dict[str, dict], last: dict[str, tuple[np.ndarray, float]]) -> dict:
    """Add medians, ratios of ours to theirs, memory and the largest difference of an alpha from ours."""
    for name, (alphas, megabytes) in last.items():
        result = results[name]
        pairs = zip(results[OURS]["seconds"], result["seconds"], strict=True)
        result["median_seconds"] = statistics.median(result["seconds"])
        result["ratio"] = statistics.median(ours / theirs for ours, theirs in pairs)
        result["peak_megabytes"] = megabytes
        result["largest_difference"] = float(np.abs(alphas - last[OURS][0]).max())
    return results
