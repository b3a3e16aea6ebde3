"""A process that holds one competitor and runs it once whenever it is told to."""

import multiprocessing
import resource
import time
from pathlib import Path

import numpy as np
from competitors import COMPETITORS


class Failed(Exception):
    """A competitor could not do it; the message says why."""


class Worker:
    """A competitor's process, started fresh, after its first run, which compiles, packs and fills caches.

    Parameters
    ----------
    name : str
        Of a competitor.
    task : Path
        Folder with the checkpoint, the exports and ``pixel_values.npy``.
    threads : int
    max_memory : int
        Bytes that the process may allocate; beyond, its allocations fail as on a machine that has no more.

    Raises
    ------
    Failed
        Here, and by every method.
    """

    def __init__(self, name: str, task: Path, threads: int, max_memory: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        arguments = (name, task, threads, max_memory, theirs)
        self._process = context.Process(target=_serve, args=arguments, daemon=True)
        self._process.start()
        theirs.close()
        self._answer()

    def run(self) -> float:
        """Seconds of one forward pass."""
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
        except EOFError:
            self._process.join()
            raise Failed(f"the process died: exit status {self._process.exitcode}") from None
        if not succeeded:
            self._process.join()
            raise Failed(answer)
        return answer


def _serve(name: str, task: Path, threads: int, max_memory: int, pipe) -> None:
    try:
        resource.setrlimit(resource.RLIMIT_DATA, (max_memory, max_memory))
        pixel_values = np.load(task / "pixel_values.npy")
        forward = COMPETITORS[name](task, threads)
        alphas = forward(pixel_values)
        pipe.send((True, "ready"))
        while pipe.recv() == "run":
            started = time.perf_counter()
            alphas = forward(pixel_values)
            pipe.send((True, time.perf_counter() - started))
        pipe.send((True, (alphas, _peak_megabytes())))
    except Exception as error:  # whatever a competitor raises is its result
        first_line = (str(error).strip() or "no message").splitlines()[0]
        pipe.send((False, f"{type(error).__name__}: {first_line}"[:300]))


def _peak_megabytes() -> float:
    """Linux says it of this program; ``ru_maxrss`` starts from what the parent held when it started this process."""
    status = Path("/proc/self/status")
    if status.exists():
        kibibytes = next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return kibibytes * 1024 / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6  # macOS counts bytes
