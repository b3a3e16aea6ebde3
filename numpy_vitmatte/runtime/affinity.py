"""Pool threads compute on other processors than the thread that calls them.

After a pause Linux often wakes a pool's thread on the very processor that its caller computes on, and takes several
milliseconds to see that another one is idle: time in which a small network could have had half of its photo done. So
a caller keeps the pool's threads off its own processor, before it wakes them. All others that the process may use stay
open to them, and the scheduler's choice.
"""

import contextlib
import ctypes
import os
import threading
from collections.abc import Callable
from typing import NamedTuple


def _find_current_processor() -> Callable[[], int] | None:
    """The C library's ``sched_getcpu``; None where there is none, or no affinity that could be set."""
    if not hasattr(os, "sched_setaffinity"):
        return None
    return getattr(ctypes.PyDLL(None), "sched_getcpu", None)  # so quick that it keeps the GIL


_current_processor = _find_current_processor()


class _Place(NamedTuple):
    """Where one thread may run: off which processor, what it may use otherwise, and what was asked for."""

    kept_off: int | None
    allowed: set[int]
    asked: set[int]


class Placement:
    """Where the threads of a pool may run."""

    def __init__(self) -> None:
        self._places: dict[int, _Place] = {}

    def enter(self) -> None:
        """Count the calling thread among the pool's."""
        if _current_processor is None:
            return
        with contextlib.suppress(OSError):  # a sandbox that does not say: the thread stays where it is
            allowed = os.sched_getaffinity(0)
            self._places[threading.get_native_id()] = _Place(None, allowed, allowed)

    def keep_off(self) -> None:
        """Keep the pool's threads off the processor that the calling thread is on."""
        if _current_processor is None:
            return
        here, caller = _current_processor(), threading.get_native_id()
        for thread, place in list(self._places.items()):  # a copy: another thread may enter meanwhile
            if place.kept_off != here and thread != caller:
                self._places[thread] = _moved(thread, place, here)


def _moved(thread: int, place: _Place, here: int) -> _Place:
    """Ask for all of a thread's processors but one; if that is the only one, nothing is asked."""
    try:
        current = os.sched_getaffinity(thread)
        allowed = place.allowed if current == place.asked else current  # somebody else has decided meanwhile
        asked = allowed - {here} or allowed
        if asked != current:
            os.sched_setaffinity(thread, asked)
    except OSError:  # the thread has ended, or a sandbox forbids it
        return place._replace(kept_off=here)
    return _Place(here, allowed, asked)
