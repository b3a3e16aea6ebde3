"""Pool threads compute on other processors than the thread that calls them.

After a pause Linux often wakes a pool's thread on the very processor that its caller computes on, and takes several
milliseconds to see that another one is idle: time in which a small network could have had half of its photo done. So
a caller keeps the pool's threads off its own processor, before it wakes them. All others that the process may use stay
open to them, and the scheduler's choice.
"""

import ctypes
import os
import threading
from collections.abc import Callable


def _find_current_processor() -> Callable[[], int] | None:
    """The C library's ``sched_getcpu``; None where there is none, or no affinity that could be set."""
    if not hasattr(os, "sched_setaffinity"):
        return None
    return getattr(ctypes.PyDLL(None), "sched_getcpu", None)  # so quick that it keeps the GIL


_current_processor = _find_current_processor()


class Placement:
    """Where the threads of a pool may run."""

    def __init__(self) -> None:
        self._kept_off: dict[int, int | None] = {}

    def enter(self) -> None:
        """Count the calling thread among the pool's."""
        self._kept_off[threading.get_native_id()] = None

    def keep_off(self) -> None:
        """Keep the pool's threads off the processor that the calling thread is on."""
        if _current_processor is None:
            return
        here, caller = _current_processor(), threading.get_native_id()
        threads = list(self._kept_off.items())  # in one step: another thread may enter meanwhile
        moved = [thread for thread, other in threads if other != here and thread != caller]
        if not moved:
            return
        allowed = os.sched_getaffinity(0)
        for thread in moved:
            self._kept_off[thread] = here
            try:
                os.sched_setaffinity(thread, allowed - {here} or allowed)
            except OSError:  # it has ended, or a sandbox forbids it
                continue
