"""The weights of a transformer block, as one tuple that its kernels take as it is."""

from typing import NamedTuple

import numpy as np

from numpy_vitmatte.kernels.matmul import PackedMatrix


class LayerNorm(NamedTuple):
    """Scale and shift (C,) of a layer norm, and the epsilon added to the variance."""

    weight: np.ndarray
    bias: np.ndarray
    epsilon: float


class Block(NamedTuple):
    """A transformer block without its neck.

    Attributes
    ----------
    norm1 : LayerNorm
        Before attention.
    heads : int
    query, keys_values, proj : PackedMatrix
        (C, C); (C, 2 C), keys of all heads, then values of all heads; (C, C).
    norm2 : LayerNorm
        Before the MLP.
    fc1, fc2 : PackedMatrix
        (C, M) and (M, C).
    """

    norm1: LayerNorm
    heads: int
    query: PackedMatrix
    keys_values: PackedMatrix
    proj: PackedMatrix
    norm2: LayerNorm
    fc1: PackedMatrix
    fc2: PackedMatrix
