"""Memory for kernels: arrays that begin with a cache line, and a block that one photo's computation hands on.

The largest arrays of a photo, the maps that the decoder stores and the keys and values of a global block, are of no use
after it. If they were given back to the system and asked for anew, each of their pages would be cleared before it can
be written to. So they are cut from one block, and the process keeps that block for the next photo of the same size.

A vector of 16 floats fills a cache line. NumPy's memory begins anywhere in one, and then every vector that is read or
written lies in two.
"""

import contextlib
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from numpy_vitmatte.runtime.jit import CALLED, EXACT_ORDER, kernel

CACHE_LINE = 16
"""Floats in a cache line. The kernels' vectors and panels are as long."""

KEPT = 64_000_000
"""The most bytes that the process keeps between photos."""

_idle: list[np.ndarray] = []  # its pop and append are single steps of the interpreter: no lock


def aligned_empty(size: int) -> np.ndarray:
    """Return a float32 array (size,) that holds anything and begins with a cache line."""
    memory = np.empty(size + CACHE_LINE - 1, np.float32)
    start = -(memory.ctypes.data // 4) % CACHE_LINE
    return memory[start : start + size]


def aligned_concatenate(arrays: Sequence[np.ndarray]) -> np.ndarray:
    """Join float32 arrays, flat, one behind the other: an array (.,) that begins with a cache line."""
    out = aligned_empty(sum(array.size for array in arrays))
    return np.concatenate([array.reshape(-1) for array in arrays], out=out)


aligned_scratch = kernel(EXACT_ORDER, CALLED, allocates=True)(aligned_empty)
"""``aligned_empty`` for kernels."""


@kernel(EXACT_ORDER, CALLED, allocates=True)
def filled_scratch(size: Any, value: Any) -> Any:
    """Apply ``aligned_empty`` for kernels, and fill the array with one number. It compiles faster than ``np.full``."""
    out = aligned_scratch(size)
    for n in range(size):
        out[n] = value
    return out


class Workspace:
    """A block of float32 numbers that arrays are cut from, one after the other.

    Parameters
    ----------
    block : float32 array (size,)
    """

    def __init__(self, block: np.ndarray) -> None:
        self._block = block
        self._used = 0

    def restart(self) -> None:
        """Begin again at the start of the block: arrays that were cut before must not be used any more."""
        self._used = 0

    def empty(self, shape: tuple[int, ...]) -> np.ndarray:
        """Return a float32 array that holds anything; it lies in fresh memory where the block has too little left."""
        first, count = self._used, math.prod(shape)
        if first + count > self._block.size:
            return aligned_empty(count).reshape(shape)
        self._used += workspace_floats(shape)
        return self._block[first : first + count].reshape(shape)


FRESH = Workspace(np.empty(0, np.float32))
"""No block: every array is new."""


def workspace_floats(*shapes: tuple[int, ...]) -> int:
    """Count the floats of a block that holds arrays of these shapes."""
    return sum(-(-math.prod(shape) // CACHE_LINE) * CACHE_LINE for shape in shapes)


@contextlib.contextmanager
def kept_workspace(size: int) -> Iterator[Workspace]:
    """Give a workspace whose block is handed on, or ``FRESH`` if the block would be too large to keep.

    Parameters
    ----------
    size : int
        Floats of the block. Idle blocks of other sizes are forgotten: nobody would count their memory.
    """
    if size * np.float32().itemsize > KEPT:
        forget()
        yield FRESH
        return
    block = _idle_block(size)
    yield Workspace(block)
    # An error skips this: a thread of a computation that was broken off may still be writing.
    if sum(other.nbytes for other in _idle) + block.nbytes <= KEPT:
        _idle.append(block)


def _idle_block(size: int) -> np.ndarray:
    while True:
        try:
            block = _idle.pop()
        except IndexError:
            return aligned_empty(size)
        if block.size == size:
            return block


def forget() -> None:
    """Give back the memory that is kept."""
    _idle.clear()
