"""The weights of a transformer block, as one tuple that its kernels take as it is."""

from typing import NamedTuple

import numpy as np

from numpy_vitmatte.kernels.matmul import PackedMatrix


class LayerNorm(NamedTuple):
    """Scale and shift (C,) of a layer norm, and the epsilon added to the variance."""

    weight: np.ndarray
    bias: np.ndarray
    epsilon: float


class NormAndMlp(NamedTuple):
    """The part of a block behind attention: the norm before the MLP, and its layers (C, M) and (M, C)."""

    norm: LayerNorm
    fc1: PackedMatrix
    fc2: PackedMatrix


class Block(NamedTuple):
    """A transformer block without its neck.

    Attributes
    ----------
    norm1 : LayerNorm
        Before attention.
    heads : int
    query, keys_values, proj : PackedMatrix
        (C, C); (C, 2 C), keys of all heads, then values of all heads; (C, C).
    mlp : NormAndMlp
    """

    norm1: LayerNorm
    heads: int
    query: PackedMatrix
    keys_values: PackedMatrix
    proj: PackedMatrix
    mlp: NormAndMlp
