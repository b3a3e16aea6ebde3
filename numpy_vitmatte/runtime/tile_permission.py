"""Permission to use Intel's AMX tiles, eight registers of one kilobyte each.

Linux saves these registers for a process only after the process has asked: a thread's state grows by eight kilobytes.
Before that the first instruction for a tile kills the process. The permission is the process's: all of its threads have
it, those that run already, too. A child of ``fork`` inherits it, a program that is started anew must ask again.
"""

import ctypes
import functools
import platform
import sys

_ARCH_PRCTL = 158
"""The number of the system call on x86-64."""
_ASK = 0x1023
"""``ARCH_REQ_XCOMP_PERM``: see ``arch_prctl(2)`` and Linux's ``Documentation/arch/x86/xstate.rst``."""
_TILE_DATA = 18
"""The number of the tiles' state among those of a processor."""


@functools.cache
def tiles_granted() -> bool:
    """Say whether this process may use tiles; the first call asks Linux for them.

    False where the processor has none, on other systems, under a Linux before 5.16, where a sandbox forbids the call,
    and where a thread's stack for signals is too small for them.
    """
    return ask_for_tiles()


def ask_for_tiles() -> bool:
    """Ask Linux; say whether it grants them."""
    # In a process of 32 bits the same number means another call.
    if sys.platform != "linux" or platform.machine() != "x86_64" or sys.maxsize < 2**32:
        return False
    try:
        answer: int = ctypes.CDLL(None).syscall(_ARCH_PRCTL, _ASK, _TILE_DATA)
    except (OSError, AttributeError):  # a program with no C library to load has no such function
        return False
    return answer == 0
