"""Two products with GELU in between, some rows at a time: what lies between them never leaves the cache."""

import numpy as np

from numpy_vitmatte.kernels.activations import gelu
from numpy_vitmatte.kernels.alignment import aligned_scratch
from numpy_vitmatte.kernels.jit import EXACT_ORDER, ONE, ZERO, kernel
from numpy_vitmatte.kernels.matmul import PackedMatrix, rows_at_a_time, sweep


@kernel(EXACT_ORDER)
def _feed_forward(x, rows, first, second, out):
    block = rows_at_a_time(rows)
    hidden = aligned_scratch(min(block, rows) * first.columns)
    for start in range(0, rows, block):
        count = min(block, rows - start)
        some = hidden[: count * first.columns]
        sweep(x, start * first.depth, first.depth, count, ONE, ZERO, first.depth, first.panels, first.bias,
              some, ZERO, first.columns, first.columns)  # fmt: skip
        gelu(some)
        sweep(some, ZERO, second.depth, count, ONE, ZERO, second.depth, second.panels, second.bias,
              out, start * second.columns, second.columns, second.columns)  # fmt: skip


def feed_forward(x: np.ndarray, first: PackedMatrix, second: PackedMatrix) -> np.ndarray:
    """``gelu(x @ first) @ second``, with their biases.

    Parameters
    ----------
    x : float32 array (..., K)
        Contiguous.
    first, second : PackedMatrix
        (K, M) and (M, N).

    Returns
    -------
    float32 array (..., N)
    """
    out = np.empty((*x.shape[:-1], second.columns), np.float32)
    _feed_forward(x.reshape(-1), x.size // first.depth, first, second, out.reshape(-1))
    return out
