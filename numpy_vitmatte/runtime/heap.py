"""The C library's heap, told to keep the memory of arrays that are freed.

At the end of a step of training hundreds of megabytes are free at once. glibc then gives the end of its heap back to
the system, and in the next step each of its pages is cleared before it can be written to: an eighth of the time, and
more wherever the system is short of pages. Other C libraries have no such setting, and are left alone.
"""

import ctypes

# Of glibc's malloc.h.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_NEVER = -1

_LARGEST_ON_HEAP = 1 << 25
"""Bytes: the highest that glibc takes for the limit above which an array gets a mapping of its own."""


def keep_freed_memory() -> None:
    """Let all memory that is freed from now on stay in the process, but for arrays of more than 32 MiB."""
    _set(_MMAP_THRESHOLD, _LARGEST_ON_HEAP)
    _set(_TRIM_THRESHOLD, _NEVER)


def return_freed_memory() -> None:
    """Give free memory back to the system, now and whenever there is much of it.

    The limits are those at which glibc's own adjustment ends, which a process with large arrays comes to anyway.
    """
    _set(_TRIM_THRESHOLD, 2 * _LARGEST_ON_HEAP)
    trim = _c_function("malloc_trim")
    if trim is not None:
        trim(0)


def _set(limit: int, value: int) -> None:
    change = _c_function("mallopt")
    if change is not None:
        change(limit, value)


def _c_function(name: str) -> "ctypes._NamedFuncPointer | None":
    try:
        library = ctypes.CDLL(None)
    except (OSError, TypeError):  # Windows has no such handle
        return None
    return getattr(library, name, None)
