"""Interleaved rounds: a machine's speed drifts, so those who are compared run within the same minute."""

import logging
import statistics
import time
from collections.abc import Iterator

import numpy as np
from competitors import OURS
from worker import Assignment, Failed, Worker

# Seconds of rest before each run: thread pools spin for a while after their work, and would take from the next one's.
REST = 0.3

log = logging.getLogger("benchmarks")


def measure(names: list[str], assignment: Assignment, rounds: int, together: bool, failed: dict[str, str]) -> dict:
    """Run the rounds.

    Parameters
    ----------
    names : list of str
        The competitors, ours among them. The order changes from round to round, so that nobody always follows the
        same one.
    assignment : Assignment
    rounds : int
    together : bool
        Whether the processes stay, side by side, for all rounds. Otherwise each lives for one run (and the unmeasured
        one before it), because memory holds no two.
    failed : dict of str to str
        Those who failed before, and why.

    Returns
    -------
    dict of str to dict
        By competitor: the ``seconds`` of every round, and :func:`summarized`'s entries or why it ``failed``; who fails
        takes no part in the rest.
    """
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
            worker = workers.pop(name, None) or Worker(name, assignment)
            time.sleep(REST)
            result["seconds"].append(worker.run())
            log.info("%s: %.3f s", name, result["seconds"][-1])
            if together and not is_last:
                workers[name] = worker
            else:
                last[name] = worker.finish()
        except Failed as error:
            if name == OURS:
                raise
            result["failed"] = str(error)
    return {name: result | summarized(name, results, last) for name, result in results.items()}


def _order(names: list[str], rounds: int) -> Iterator[tuple[str, bool]]:
    """Whose turn it is, and whether it is the last one."""
    for number in range(rounds):
        shift = number % len(names)
        for name in names[shift:] + names[:shift]:
            yield name, number == rounds - 1


def summarized(name: str, results: dict[str, dict], last: dict[str, tuple[np.ndarray, float]]) -> dict[str, float]:
    """Median seconds, median of the rounds' ratios ours / theirs, peak memory, largest difference from our alphas."""
    if "failed" in results[name]:
        return {}
    alphas, megabytes = last[name]
    return {
        "median_seconds": statistics.median(results[name]["seconds"]),
        "ratio": median_ratio(results[OURS]["seconds"], results[name]["seconds"]),
        "peak_megabytes": megabytes,
        "largest_difference": float(np.abs(alphas - last[OURS][0]).max()),
    }


def median_ratio(ours: list[float], theirs: list[float]) -> float:
    """Median of the ratios within each round."""
    return statistics.median(mine / other for mine, other in zip(ours, theirs, strict=True))
