"""Run the jobs of a folder on this machine, in worker processes that do one photo at a time.

Workers are processes, not threads, although each of them holds the weights (100 MB for ViTMatte-S) once more. The work
on a photo takes most of the memory, in a thread as in a process. But a photo that is too large for the machine ends its
process, and with threads that process would be the whole batch. Here it costs one photo.

Every worker has a pipe of its own, so the parent knows which photo a worker had when it died.
"""

import contextlib
import multiprocessing
import os
import signal
import threading
import warnings
from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait

from numpy_vitmatte.batch.job import Job, Outcome, run_job
from numpy_vitmatte.errors import one_line
from numpy_vitmatte.runtime.threads import set_num_threads


def thread_shares(threads: int, workers: int) -> list[int]:
    """Divide threads among workers, as equally as possible; each gets at least one."""
    return [max(1, threads // workers + (index < threads % workers)) for index in range(workers)]


def run_locally(jobs: Sequence[Job], workers: int, threads: int) -> Generator[Outcome, None, None]:
    """Do jobs in worker processes.

    Parameters
    ----------
    jobs : sequence of Job
    workers : int
        Number of photos in work at a time.
    threads : int
        Number of threads of all workers together.

    Yields
    ------
    Outcome
        One for every job, as they are done. When the caller stops asking (``close``), the workers are ended.
    """
    waiting = list(reversed(jobs))  # pop takes the last
    busy: dict[Connection, _Worker] = {}
    try:
        for share in thread_shares(threads, min(workers, len(jobs))):
            worker = _Worker(share)
            busy[worker.connection] = worker
            worker.give(waiting.pop())
        while busy:
            ready = wait(busy)
            for connection in [connection for connection in busy if connection in ready]:
                worker = busy.pop(connection)
                outcome = worker.outcome()
                if waiting:
                    if not worker.process.is_alive():
                        worker = _Worker(worker.threads)
                    busy[worker.connection] = worker
                    worker.give(waiting.pop())
                else:
                    worker.stop()
                yield outcome
    finally:
        for worker in busy.values():
            worker.stop()


class _Worker:
    """A process that does one job after another, and the end of its pipe."""

    job: Job

    def __init__(self, threads: int) -> None:
        # A forked child would share locks in the middle of their use; a fresh interpreter shares nothing.
        context = multiprocessing.get_context("spawn")
        self.threads = threads
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, threads), daemon=True)
        with _interrupts_waiting():
            self.process.start()
        theirs.close()  # now only the worker holds it: when it dies, our end says so

    def give(self, job: Job) -> None:
        self.job = job
        with contextlib.suppress(OSError):  # a dead worker: outcome() will say so
            self.connection.send(job)

    def outcome(self) -> Outcome:
        try:
            outcome: Outcome = self.connection.recv()
            return outcome
        except (EOFError, OSError):
            self.stop()
            return Outcome(self.job, error=_why_it_died(self.process.exitcode))

    def stop(self) -> None:
        self.process.terminate()  # nothing is lost: outputs take their names whole
        self.process.join()
        self.connection.close()


@contextlib.contextmanager
def _interrupts_waiting() -> Iterator[None]:
    """Start processes that Ctrl-C does not reach, from their first moment on; here it comes a moment later."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    resource_tracker.ensure_running()  # when it starts it lets interrupts through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _why_it_died(exit_code: int | None) -> str:
    how = f"ended with status {exit_code}"
    if exit_code is not None and exit_code < 0:
        how = f"was killed by signal {-exit_code}"
        if -exit_code == getattr(signal, "SIGKILL", None):
            how += ", as systems do that run out of memory"
    return f"the process that worked on it {how}; try it again with --workers 1, or scale the photo down"


def _serve(connection: Connection, threads: int) -> None:
    """Run a worker: receive jobs and send outcomes until the other end of the pipe is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process; the parent decides
    threading.Thread(target=_end_with_parent, daemon=True).start()
    set_num_threads(threads)
    with contextlib.suppress(EOFError):
        while True:
            connection.send(_with_all_warnings(connection.recv()))


def _with_all_warnings(job: Job) -> Outcome:
    """Do a job, and report the warnings of other libraries too; only a process of one's own may catch them."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        outcome = run_job(job)
    others = dict.fromkeys(one_line(warning.message) for warning in caught)
    return replace(outcome, warnings=(*outcome.warnings, *others))


def _end_with_parent() -> None:
    """End this worker when its parent ends: a parent that is killed cannot stop its workers."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
