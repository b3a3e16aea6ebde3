"""A process that holds one competitor and runs it once whenever it is told to."""

import multiprocessing
import resource
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

import numpy as np
from competitors import COMPETITORS


class Worker(NamedTuple):
    """A competitor's process and the pipe to it."""

    process: multiprocessing.process.BaseProcess
    pipe: Connection

    def run(self) -> float:
        """Seconds of one forward pass."""
        self.pipe.send("run")
        return self.pipe.recv()

    def finish(self) -> tuple[np.ndarray, float]:
        """End the process; its last alphas and its peak resident memory in megabytes."""
        self.pipe.send("finish")
        result = self.pipe.recv()
        self.process.join()
        return result


def start(name: str, checkpoint: Path, pixel_values: np.ndarray, threads: int) -> Worker:
    """Start a competitor in a fresh process and wait until it has run once."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(name, checkpoint, pixel_values, threads, theirs), daemon=True)
    process.start()
    theirs.close()
    ours.recv()
    return Worker(process, ours)


def _serve(name: str, checkpoint: Path, pixel_values: np.ndarray, threads: int, pipe: Connection) -> None:
    forward = COMPETITORS[name](checkpoint, threads)
    alphas = forward(pixel_values)  # the first run compiles, packs and fills caches
    pipe.send("ready")
    while pipe.recv() == "run":
        started = time.perf_counter()
        alphas = forward(pixel_values)
        pipe.send(time.perf_counter() - started)
    pipe.send((alphas, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))
