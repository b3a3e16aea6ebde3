"""Memory that begins with a cache line.

A vector of 16 floats fills a cache line. NumPy's memory begins anywhere in one, and then every vector that is read or
written lies in two.
"""

import numpy as np

from numpy_vitmatte.runtime.jit import EXACT_ORDER, kernel

CACHE_LINE = 16
"""Floats."""


def aligned_empty(size):
    """A float32 array (size,) that holds anything and begins with a cache line."""
    room = np.empty(size + CACHE_LINE - 1, np.float32)
    start = -(room.ctypes.data // 4) % CACHE_LINE
    return room[start : start + size]


aligned_scratch = kernel(EXACT_ORDER)(aligned_empty)
"""``aligned_empty`` for kernels."""
