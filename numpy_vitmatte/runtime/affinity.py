"""CPU affinity: the threads of a pool compute on other CPUs than the thread that calls them.

After a pause Linux often wakes a pool's thread on the very CPU that its caller computes on, and takes several
milliseconds to see that another one is idle: a small network could do half of a photo in that time. So a
caller excludes its own CPU from the affinity of the pool's threads before it wakes them. They may use all other CPUs of
the process, as the scheduler chooses.

``NUMPY_VITMATTE_AFFINITY=0`` turns this off, for users who pin threads themselves.
"""

import contextlib
import ctypes
import os
import threading
import time
from collections.abc import Callable
from typing import NamedTuple


def _find_current_cpu() -> Callable[[], int] | None:
    """Find the C library's ``sched_getcpu``; None if it is missing, no affinity can be set, or this is turned off."""
    if not hasattr(os, "sched_setaffinity") or os.environ.get("NUMPY_VITMATTE_AFFINITY") == "0":
        return None
    return getattr(ctypes.PyDLL(None), "sched_getcpu", None)  # so quick that it keeps the GIL


_FREE_SECONDS = 1.0
"""How long no CPU is excluded after a thread of the pool was kept waiting."""

_current_cpu = _find_current_cpu()


class _ThreadAffinity(NamedTuple):
    """One thread's CPUs: the one excluded, those it may use otherwise, and what was asked for."""

    excluded: int | None
    allowed: set[int]
    asked: set[int]


class PoolAffinity:
    """The affinity of the threads of a pool."""

    def __init__(self) -> None:
        self._threads: dict[int, _ThreadAffinity] = {}
        self._free_until = 0.0

    def add_this_thread(self) -> None:
        """Add the calling thread to those of the pool."""
        if _current_cpu is None:
            return
        with contextlib.suppress(OSError):  # a sandbox that does not say: the thread stays where it is
            allowed = os.sched_getaffinity(0)
            self._threads[threading.get_native_id()] = _ThreadAffinity(None, allowed, allowed)

    def exclude_this_cpu(self) -> None:
        """Exclude the CPU that the calling thread is on from the affinity of the pool's threads."""
        if _current_cpu is None or time.monotonic() < self._free_until:
            return
        here, caller = _current_cpu(), threading.get_native_id()
        for thread, affinity in list(self._threads.items()):  # a copy: another thread may enter meanwhile
            if affinity.excluded != here and thread != caller:
                self._threads[thread] = _excluding(thread, affinity, here)

    def exclude_nothing(self) -> None:
        """Let the pool's threads use all of their CPUs for a while."""
        self._free_until = time.monotonic() + _FREE_SECONDS
        for thread, affinity in list(self._threads.items()):
            if affinity.excluded is not None:
                self._threads[thread] = _excluding(thread, affinity, None)


def _excluding(thread: int, affinity: _ThreadAffinity, cpu: int | None) -> _ThreadAffinity:
    """Ask for all of a thread's CPUs, but for one if it is not the only one."""
    try:
        current = os.sched_getaffinity(thread)
        allowed = affinity.allowed if current == affinity.asked else current  # somebody else has decided meanwhile
        asked = allowed - {cpu} or allowed
        if asked != current:
            os.sched_setaffinity(thread, asked)
    except OSError:  # the thread has ended, or a sandbox forbids it
        return affinity._replace(excluded=cpu)
    return _ThreadAffinity(cpu, allowed, asked)
