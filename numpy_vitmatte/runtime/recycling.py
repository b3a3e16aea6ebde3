"""Large arrays whose memory is used again when nobody holds them any more.

A step of training makes the same arrays as the step before. If their memory were given back to the system and asked for
anew, each of its pages would be cleared before it can be written to. Smaller arrays come from the C library's heap,
which keeps their memory meanwhile (``heap.py``).
"""

import math
import threading

import numpy as np

from numpy_vitmatte.runtime.heap import keep_freed_memory, return_freed_memory
from numpy_vitmatte.runtime.workspace import aligned_empty

SMALLEST = 1 << 22
"""Floats from which on memory is kept here; less comes from the heap."""

LARGEST_EXCESS = 1.25
"""The memory that an array gets may be this many times as large."""


class _Idle:
    """Blocks of memory that nobody uses."""

    def __init__(self) -> None:
        self._blocks: list[np.ndarray] = []
        self._lock = threading.Lock()

    def put(self, block: np.ndarray) -> None:
        """Take back a block."""
        self._blocks.append(block)  # a single step of the interpreter: whoever drops an array never waits

    def take(self, count: int) -> np.ndarray | None:
        """Give the smallest block that holds ``count`` floats and not many more, if there is one."""
        with self._lock:
            fitting = [block for block in list(self._blocks) if count <= block.size <= LARGEST_EXCESS * count]
            if not fitting:
                return None
            best = min(fitting, key=lambda block: block.size)
            for index, block in enumerate(self._blocks):
                if block is best:
                    return self._blocks.pop(index)
        return None


class _Owner:
    """The owner of an array's memory: NumPy holds it as long as any view of the array lives."""

    def __init__(self, block: np.ndarray, idle: _Idle) -> None:
        self._block, self._idle = block, idle
        self.__array_interface__ = block.__array_interface__

    def __del__(self) -> None:
        self._idle.put(self._block)


_idle: _Idle | None = None


class recycling:
    """Keep the memory of arrays that are no longer used, for the next of their size, until the end of the block."""

    def __enter__(self) -> None:
        """Begin to keep memory, or go on with what an outer block keeps."""
        global _idle
        self._before, _idle = _idle, _idle or _Idle()
        keep_freed_memory()

    def __exit__(self, *error: object) -> None:
        """Forget what this block kept."""
        global _idle
        _idle = self._before
        if _idle is None:
            return_freed_memory()


def recycled_empty(shape: tuple[int, ...]) -> np.ndarray:
    """Return a float32 array that holds anything and begins with a cache line."""
    count, idle = math.prod(shape), _idle
    if idle is None or count < SMALLEST:
        return aligned_empty(count).reshape(shape)
    block = idle.take(count)
    if block is None:
        block = aligned_empty(count)
    return np.asarray(_Owner(block, idle))[:count].reshape(shape)
