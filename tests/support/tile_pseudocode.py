"""Products of AMX tiles in NumPy, by the pseudocode of Intel's manual (volume 2, ``TDPBF16PS``)."""

import numpy as np

from numpy_vitmatte.kernels.bfloat16 import split, to_float32
from numpy_vitmatte.kernels.square_tile import PARTS_MULTIPLIED

DEPTH = 32


def flushed(x):
    """Numbers of which those below 2**-126 are zero, with their sign."""
    return np.where(np.abs(x) < np.float32(2.0**-126), np.copysign(np.float32(0), x), x)


def multiply_add(sums, x, w):
    """``sums + x @ w`` of float32 arrays (m, n), (m, 32), (32, n) that hold bfloat16 numbers."""
    x, w, halves = flushed(x), flushed(w), [np.zeros_like(sums), np.zeros_like(sums)]
    for k in range(DEPTH):
        halves[k % 2] = flushed(x[:, k, None] * w[k] + halves[k % 2])  # the product of two bfloat16 numbers is exact
    return flushed(flushed(sums) + flushed(halves[0] + halves[1]))


def linear_on_tiles(x, w, bias, parts):
    """``x @ w + bias`` as the kernels compute it, to the bit: ``parts`` bfloat16 numbers for each, 32 terms at once."""
    inputs, weights = (
        [to_float32(part) for part in split(_whole(array, axis), parts)] for array, axis in ((x, 1), (w, 0))
    )
    sums = np.broadcast_to(bias, (len(x), len(bias))).astype(np.float32)
    for k in range(0, len(weights[0]), DEPTH):
        for i, j in PARTS_MULTIPLIED[parts]:
            sums = multiply_add(sums, inputs[i][:, k : k + DEPTH], weights[j][k : k + DEPTH])
    return sums


def _whole(array, axis):
    """An array with zeros up to a multiple of 32 along an axis."""
    missing = [(0, -array.shape[n] % DEPTH if n == axis else 0) for n in range(2)]
    return np.pad(array, missing)
