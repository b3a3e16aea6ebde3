"""Large arrays whose memory is used again when nobody holds them any more.

A step of training makes the same arrays as the step before. If their memory were given back to the system and asked for
anew, each of its pages would be cleared before it can be written to.
"""

import contextlib
import math
from collections import defaultdict
from collections.abc import Iterator

import numpy as np

from numpy_vitmatte.runtime.workspace import aligned_empty

SMALLEST = 1 << 16
"""Floats from which on memory is kept; less comes from the process's own heap anyway."""

_idle: dict[int, list[np.ndarray]] | None = None  # its lists' pop and append are single steps of the interpreter


class _Owner:
    """The owner of an array's memory: NumPy holds it as long as any view of the array lives."""

    def __init__(self, block: np.ndarray, idle: list[np.ndarray]) -> None:
        self._block, self._idle = block, idle
        self.__array_interface__ = block.__array_interface__

    def __del__(self) -> None:
        self._idle.append(self._block)


@contextlib.contextmanager
def recycling() -> Iterator[None]:
    """Keep the memory of arrays that are no longer used, for the next of their size, until the end of the block."""
    global _idle
    before, _idle = _idle, defaultdict(list) if _idle is None else _idle
    try:
        yield
    finally:
        _idle = before


def recycled_empty(shape: tuple[int, ...]) -> np.ndarray:
    """Return a float32 array that holds anything and begins with a cache line."""
    count = math.prod(shape)
    if _idle is None or count < SMALLEST:
        return aligned_empty(count).reshape(shape)
    idle = _idle[count]
    try:
        block = idle.pop()
    except IndexError:
        block = aligned_empty(count)
    return np.asarray(_Owner(block, idle)).reshape(shape)
