"""The multilayer perceptron of a transformer block (Vaswani et al. 2017, section 3.3, with GELU)."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from numpy_vitmatte.kernels.elementwise import gelu_
from numpy_vitmatte.kernels.matmul import PackedMatrix, linear, pack


class MlpParameters(NamedTuple):
    """The two linear layers, packed: (C, 4 C) and (4 C, C)."""

    fc1: PackedMatrix
    fc2: PackedMatrix

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, np.ndarray]) -> "MlpParameters":
        """Take ``fc1`` and ``fc2`` of a checkpoint's MLP."""
        fc1 = pack(tensors["fc1.weight"].T, tensors["fc1.bias"])
        fc2 = pack(tensors["fc2.weight"].T, tensors["fc2.bias"])
        return cls(fc1, fc2)


def mlp(x: np.ndarray, parameters: MlpParameters) -> np.ndarray:
    """Compute ``fc2(gelu(fc1(x)))``, every token on its own.

    Parameters
    ----------
    x : float32 array (..., C)
        Contiguous, after the layer norm.
    parameters : MlpParameters

    Returns
    -------
    float32 array (..., C)
    """
    return linear(gelu_(linear(x, parameters.fc1)), parameters.fc2)  # [..., C] -> [..., 4 C] -> [..., C]
