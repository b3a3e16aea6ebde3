"""A process that holds one competitor and runs its task once whenever it is told to."""

import multiprocessing
import resource
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tasks import TASKS


class Failed(Exception):
    """A competitor could not do it; the message says why, on one line."""


class Assignment(NamedTuple):
    """What a process gets to do.

    Attributes
    ----------
    benchmark : str
        "forward" or "job".
    task : Path
        The folder that it reads.
    threads : int
    max_memory : int
        Bytes that it may allocate; beyond, an allocation fails as on a machine that has no more.
    """

    benchmark: str
    task: Path
    threads: int
    max_memory: int


class Worker:
    """A competitor's process, fresh, after its first run, which compiles, packs and fills caches.

    Making one and every method raise `Failed` if the competitor fails.
    """

    def __init__(self, name: str, assignment: Assignment) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(name, assignment, theirs), daemon=True)
        self._process.start()
        theirs.close()
        self._answer()

    def run(self) -> float:
        """Seconds of one run."""
        self._pipe.send("run")
        return self._answer()

    def finish(self) -> tuple[np.ndarray, float]:
        """End the process; its last alphas and its peak resident memory in megabytes (10**6 bytes)."""
        self._pipe.send("finish")
        result = self._answer()
        self._process.join()
        return result

    def _answer(self):
        try:
            succeeded, answer = self._pipe.recv()
        except (EOFError, ConnectionResetError):
            self._process.join()
            raise Failed(f"the process died: exit status {self._process.exitcode}") from None
        if not succeeded:
            self._process.join()
            raise Failed(answer)
        return answer


def _serve(name: str, assignment: Assignment, pipe: Connection) -> None:
    try:
        _limit_memory(assignment.max_memory)
        run = TASKS[assignment.benchmark](name, assignment.task, assignment.threads)
        alphas = run()
        pipe.send((True, None))
        while pipe.recv() == "run":
            started = time.perf_counter()
            alphas = run()
            pipe.send((True, time.perf_counter() - started))
        pipe.send((True, (alphas, _peak_megabytes())))
    except Exception as error:  # whatever a competitor raises is its result
        message = " ".join(str(error).split()) or "no message"
        pipe.send((False, f"{type(error).__name__}: {message}"[:300]))


def _limit_memory(max_memory: int) -> None:
    """A competitor that wants too much fails by itself; should the kernel have to kill, it takes this process first."""
    resource.setrlimit(resource.RLIMIT_DATA, (max_memory, max_memory))
    score = Path("/proc/self/oom_score_adj")
    if score.exists():
        score.write_text("1000")


def _peak_megabytes() -> float:
    """Linux says it of this program; ``ru_maxrss`` begins with what the parent held when it started this process."""
    status = Path("/proc/self/status")
    if status.exists():
        kibibytes = next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return kibibytes * 1024 / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6  # macOS counts bytes
