"""A layer norm and two products with GELU in between, some rows at a time: what lies between never leaves the cache.

They follow attention in a transformer block, and add to what they read.
"""

from typing import NamedTuple

import numpy as np

from numpy_vitmatte.kernels.elementwise import add, gelu, normalize
from numpy_vitmatte.kernels.matmul import PackedMatrix, Rows, Segments, rows_at_a_time, sweep
from numpy_vitmatte.runtime.jit import EXACT_ORDER, ONE, ZERO, kernel
from numpy_vitmatte.runtime.workspace import aligned_scratch


class ResidualMlp(NamedTuple):
    """What follows attention in a transformer block.

    Attributes
    ----------
    weight, bias, epsilon : float32 arrays (C,), float
        Of the layer norm: scale, shift, what is added to the variance.
    first, second : PackedMatrix
        (C, M) and (M, C).
    """

    weight: np.ndarray
    bias: np.ndarray
    epsilon: float
    first: PackedMatrix
    second: PackedMatrix


_NO_CHANNELS = np.empty(0, np.float32)
_NO_MATRIX = PackedMatrix(_NO_CHANNELS, _NO_CHANNELS, 0, 0)
NO_NORM = _NO_CHANNELS, _NO_CHANNELS, 0.0
NO_MLP = ResidualMlp(*NO_NORM, _NO_MATRIX, _NO_MATRIX)
"""For kernels, in place of a layer norm and of what follows attention where there is none: for None Numba would compile
once more."""


@kernel(EXACT_ORDER)
def add_residual_mlp(x, attended, after):
    """In place of ``attended``: ``y + second(gelu(first(normalise(y))))`` of ``y = x + attended``.

    Parameters
    ----------
    x, attended : float32 arrays (rows, C)
        Tokens before attention, and what it made of them.
    after : ResidualMlp
    """
    (rows, channels), first, second = x.shape, after.first, after.second
    block = min(rows_at_a_time(rows), rows)
    normalized, hidden = aligned_scratch(block * channels), aligned_scratch(block * first.columns)
    for start in range(0, rows, block):
        end = min(start + block, rows)
        count, own = end - start, attended[start:end]
        add(own.reshape(-1), x[start:end].reshape(-1))
        narrow = normalized[: count * channels]
        normalize(own, after.weight, after.bias, after.epsilon, narrow.reshape(count, channels))
        wide = hidden[: count * first.columns]
        sweep(Rows(narrow, ZERO, channels), count, Segments(ONE, ZERO, channels), first,
              Rows(wide, ZERO, first.columns))  # fmt: skip
        gelu(wide)
        sweep(Rows(wide, ZERO, second.depth), count, Segments(ONE, ZERO, second.depth), second,
              Rows(narrow, ZERO, channels))  # fmt: skip
        add(own.reshape(-1), narrow)
