"""Run the jobs of a folder on the machines of a Dask cluster, whose scheduler distributes them.

All machines must see the folders under the same paths. When a worker dies, Dask gives its job to another one. An output
gets its name when it is complete, so an alpha that two workers have written is still one alpha.
"""

import os
import threading
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

from numpy_vitmatte._version import __version__
from numpy_vitmatte.batch.job import Job, Outcome, run_job
from numpy_vitmatte.batch.output_folder import RECORD_FILE, is_finished
from numpy_vitmatte.errors import VitMatteError
from numpy_vitmatte.runtime.threads import set_num_threads

_ANSWER_WITHIN = 20
"""Seconds that the scheduler has to answer."""

_one_at_a_time = threading.Lock()


def _new_lock() -> None:
    """Replace the lock in a forked child: a thread that it lacks may hold it."""
    global _one_at_a_time
    _one_at_a_time = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_new_lock)


def run_on_cluster(jobs: Sequence[Job], scheduler: str, threads: int | None) -> Generator[Outcome, None, None]:
    """Do jobs on a Dask cluster.

    Parameters
    ----------
    jobs : sequence of Job
        Their output folder has its record already (:func:`~numpy_vitmatte.batch.output_folder.claim`).
    scheduler : str
        Address of the scheduler, such as ``tcp://10.0.0.5:8786``.
    threads : int, optional
        Number of threads of each worker, which does one photo at a time; by default as many as Dask gave it.

    Yields
    ------
    Outcome
        One for every job, in the order in which they finish. When the caller stops (``close``), jobs that no worker
        has begun are withdrawn.

    Raises
    ------
    VitMatteError
        Dask is not installed, the scheduler does not answer, or a worker has another version or no such folder.
    """
    if not jobs:
        return
    distributed = _distributed()
    with _client(distributed, scheduler) as client:
        _check_workers(client, jobs[0].output.with_name(RECORD_FILE))
        futures = client.map(_run_on_worker, jobs, threads=threads, pure=False)
        job_of = dict(zip(futures, jobs, strict=True))
        del futures  # each is let go as soon as it has been reported
        for future in distributed.as_completed(list(job_of), loop=client.loop):
            yield _outcome(future, job_of.pop(future))


def _distributed() -> Any:
    try:
        import distributed
    except ImportError:
        raise VitMatteError(
            "--scheduler needs Dask; install it with: python -m pip install 'numpy-vitmatte[dask]'"
        ) from None
    return distributed


def _client(distributed: Any, scheduler: str) -> Any:
    try:
        return distributed.Client(scheduler, timeout=_ANSWER_WITHIN, set_as_default=False)
    except (OSError, ValueError) as error:
        raise VitMatteError(
            f"scheduler {scheduler!r} does not answer ({error}); give the address that `dask scheduler` printed"
        ) from error


def _check_workers(client: Any, record: Path) -> None:
    """Report at once what would make every photo fail. Workers that join later are not checked."""
    wanted = __version__
    try:
        found = client.run(_survey, record)
    except Exception as error:  # whatever the worker could not import
        raise VitMatteError(
            f"the cluster's workers cannot run this package ({error}); install numpy-vitmatte {wanted} there"
        ) from error
    for address, (version, sees_record) in found.items():
        if version != wanted:
            raise VitMatteError(f"worker {address} has numpy-vitmatte {version}; install {wanted} there, as it is here")
        if not sees_record:
            raise VitMatteError(
                f"worker {address} does not see {str(record.parent)!r}; the folders must be on a disk that all "
                "machines have under the same path"
            )


def _survey(record: Path) -> tuple[str, bool]:
    return __version__, record.is_file()


def _run_on_worker(job: Job, threads: int | None) -> Outcome:
    """Do one photo at a time, on all threads of the worker: several at a time would need the memory of several."""
    from distributed import get_worker

    with _one_at_a_time:
        if is_finished(job):  # by a worker that died before it could say so
            return Outcome(job)
        set_num_threads(threads or get_worker().state.nthreads)
        return run_job(job)


def _outcome(future: Any, job: Job) -> Outcome:
    try:
        outcome: Outcome = future.result()
        return outcome
    except Exception as error:  # KilledWorker, a cancelled future, a scheduler that is gone
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        return Outcome(job, error=f"the cluster gave it up: {reason}")
