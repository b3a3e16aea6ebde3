"""Layer norm over the channels of every token or pixel (Ba et al. 2016, arXiv:1607.06450)."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from numpy_vitmatte.kernels.elementwise import normalize_rows


class LayerNormParameters(NamedTuple):
    """Scale and shift (C,), and the epsilon added to the variance."""

    weight: np.ndarray
    bias: np.ndarray
    epsilon: float

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, np.ndarray], epsilon: float) -> "LayerNormParameters":
        """Copy ``weight`` and ``bias`` of a checkpoint's layer norm.

        Numba compiles a second time for read-only arrays, and tensors mapped from a file are read-only: hence the copy.
        """
        return cls(tensors["weight"].copy(), tensors["bias"].copy(), epsilon)


def layer_norm(x: np.ndarray, parameters: LayerNormParameters) -> np.ndarray:
    """Normalize each row of channels to mean 0 and variance 1, then scale and shift it.

    ``(x - mean(x)) / sqrt(var(x) + epsilon) * weight + bias``, mean and (biased) variance over the last axis.

    Parameters
    ----------
    x : float32 array (..., C)
        Contiguous.
    parameters : LayerNormParameters

    Returns
    -------
    float32 array (..., C)
    """
    return normalize_rows(x, parameters.weight, parameters.bias, parameters.epsilon)
