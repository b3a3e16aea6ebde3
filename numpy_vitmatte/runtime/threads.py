"""Threads over blocks of rows: one small pool for the process. Kernels release the GIL while they run on it.

Work is cut into blocks whose boundaries never change an output (each output is one sum in one fixed order), so results
are bit-identical for any number of threads. The calling thread takes blocks like the others. However many threads call
at once, a server's for example, no more than ``get_num_threads()`` compute at any time: a thread that takes blocks
holds one of so many slots. Pool threads that find none go back to sleep; callers wait. Numba's own ``parallel=True`` is
not used: its default thread layer aborts the process when two Python threads enter at once.
"""

import contextlib
import itertools
import operator
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from numpy_vitmatte.errors import VitMatteError
from numpy_vitmatte.runtime.affinity import PoolAffinity
from numpy_vitmatte.runtime.cpu_count import usable_cpus

First = TypeVar("First")
Second = TypeVar("Second")

_PATIENCE = 0.005
"""Seconds; longer than a block, shorter than two of the turns that Linux gives to programs on one CPU."""

_lock = threading.Lock()
_threads: int | None = None
_pool: ThreadPoolExecutor | None = None
_affinity = PoolAffinity()
_slots: threading.Semaphore | None = None
_holding = threading.local()


def _default_threads() -> int:
    """Return ``NUMPY_VITMATTE_NUM_THREADS`` if set, else the number of CPUs that this process may use."""
    wanted = os.environ.get("NUMPY_VITMATTE_NUM_THREADS")
    if wanted:
        return _checked(wanted, "NUMPY_VITMATTE_NUM_THREADS")
    return usable_cpus()


def _checked(threads: int | str, name: str) -> int:
    try:
        count = int(threads) if isinstance(threads, str) else operator.index(threads)
    except (TypeError, ValueError):
        count = 0
    if count < 1:
        raise VitMatteError(f"{name} is {threads!r}; give a whole number of threads, 1 or more")
    return count


def set_num_threads(threads: int) -> None:
    """Set how many threads compute, for the whole process.

    Parameters
    ----------
    threads : int
        1 or more. Results are the same for every number, to the bit.

    Raises
    ------
    VitMatteError
        If ``threads`` is not a whole number of at least 1.
    """
    global _threads, _pool, _slots
    count = _checked(threads, "the number of threads")
    with _lock:
        old, _pool, _threads, _slots = _pool, None, count, None
    if old is not None:
        old.shutdown(wait=False)  # blocks already handed out are finished by it


def get_num_threads() -> int:
    """Return the number of threads that compute."""
    global _threads
    if _threads is None:
        _threads = _default_threads()
    return _threads


def _submit(worker: Callable[[], None], helpers: int) -> list[Future[None]]:
    """Hand out work to the pool, to fewer helpers or none if the interpreter shuts down and starts no threads."""
    global _pool, _affinity
    futures: list[Future[None]] = []
    with _lock, contextlib.suppress(RuntimeError):
        if _pool is None:
            # ``helpers`` is a limit, too: the number of threads may have been lowered since the caller asked for it.
            threads, _affinity = max(helpers, get_num_threads() - 1), PoolAffinity()
            _pool = ThreadPoolExecutor(threads, "numpy-vitmatte", initializer=_affinity.add_this_thread)
        _affinity.exclude_this_cpu()
        for _ in range(helpers):
            futures.append(_pool.submit(worker))
    return futures


def _shared_slots() -> threading.Semaphore:
    global _slots
    with _lock:
        if _slots is None:
            _slots = threading.Semaphore(get_num_threads())
        return _slots


def _forget_pool() -> None:
    """Forget the pool in a forked child: its threads do not exist there, and nobody gives back their slots."""
    global _pool, _lock, _slots
    _pool, _lock, _slots = None, threading.Lock(), None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_pool)


def even_block(length: int, largest: int, step: int, threads: int | None = None) -> int:
    """Choose a block size that gives all threads nearly the same work.

    Parameters
    ----------
    length : int
        Length of the range that ``for_each_block`` cuts into blocks.
    largest, step : int
        The size is a multiple of ``step``, from half of ``largest`` to ``largest``.
    threads : int, optional
        The default is ``get_num_threads()``.
    """
    threads = get_num_threads() if threads is None else threads

    def slowest(size: int) -> int:
        blocks = -(-length // size)
        return -(-blocks // threads) * size  # what the thread with the most blocks computes

    sizes = range(largest // step * step, max(largest // 2, step) - 1, -step)
    return min(sizes, key=slowest, default=largest)


def for_each_block(function: Callable[[int, int], None], length: int, block: int = 1) -> None:
    """Call ``function(first, last)`` once for every block of ``range(length)``, on all threads.

    Parameters
    ----------
    function : callable
        It gets the half-open range of a block, and writes to its own part of an output.
    length, block : int
        ``range(length)`` is cut into blocks of ``block``; the last may be shorter.
    """
    firsts = range(0, length, block)
    turn = itertools.count()  # next() of a count is one step of the interpreter, so no two threads get the same number

    stopped = threading.Event()
    slots = _shared_slots()

    def work(wait: bool = False) -> None:
        nested = getattr(_holding, "slot", False)  # a block that cuts its own work into blocks has its slot already
        if not nested and not slots.acquire(blocking=wait):
            return
        _holding.slot = True
        try:
            while not stopped.is_set() and (index := next(turn)) < len(firsts):
                function(firsts[index], min(firsts[index] + block, length))
        except BaseException:  # an interruption too: nobody waits for blocks whose result is thrown away
            stopped.set()
            raise
        finally:
            _holding.slot = nested
            if not nested:
                slots.release()

    helpers = min(get_num_threads(), len(firsts)) - 1
    if helpers < 1:
        work(wait=True)
        return
    futures = _submit(work, helpers)
    try:
        work(wait=True)
    finally:
        for future in futures:
            if not future.cancel():  # a helper that never started has nothing left to do
                _wait_for(future)


def _wait_for(helper: Future[None]) -> None:
    """Wait for the last block of a helper; one that takes long may be without a CPU."""
    try:
        helper.exception(_PATIENCE)
    except TimeoutError:
        _affinity.exclude_nothing()
    helper.result()


def run_all(calls: Sequence[Callable[[], First]]) -> list[First]:
    """Return the results of some functions, computed at the same time where threads are free.

    Raises
    ------
    Exception
        Any error that they raise; if several do, that of the first of them, as if they had been called in turn.
    """
    results: dict[int, First] = {}
    errors: dict[int, Exception] = {}

    def call(turn: int, _: int) -> None:
        try:
            results[turn] = calls[turn]()
        except Exception as error:
            errors[turn] = error

    for_each_block(call, len(calls))
    if errors:
        raise errors[min(errors)]
    return [results[turn] for turn in range(len(calls))]


def run_both(first: Callable[[], First], second: Callable[[], Second]) -> tuple[First, Second]:
    """Apply ``run_all`` to two functions with results of different types."""
    both: list[Any] = run_all([first, second])
    return both[0], both[1]
