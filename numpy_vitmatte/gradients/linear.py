"""Gradients of a linear layer."""

from collections.abc import Mapping

import numpy as np

from numpy_vitmatte.gradients.products import WeightGradient, linear_rows, pack_stored, sum_of_rows

Tensors = dict[str, np.ndarray]


def linear_backward(dy: np.ndarray, x: np.ndarray, w: Mapping[str, np.ndarray]) -> tuple[np.ndarray, Tensors]:
    """Go back through ``y = x @ weight.T + bias``.

    Parameters
    ----------
    dy : float32 array (R, N)
    x : float32 array (R, K)
    w : mapping of str to float32 array
        ``weight`` (N, K) and perhaps ``bias`` (N,), as a checkpoint stores them.

    Returns
    -------
    dx : float32 array (R, K)
    dw : dict of str to float32 array
        Gradients under the names of ``w``.
    """
    return linear_rows(dy, pack_stored(w["weight"])), linear_weight_backward(dy, x, "bias" in w)


def linear_weight_backward(dy: np.ndarray, x: np.ndarray, bias: bool = True) -> Tensors:
    """Return the gradients by weight (N, K) and bias (N,) alone."""
    weight = WeightGradient(dy.shape[1], x.shape[1])  # as checkpoints store it: outputs first
    weight.add_rows(dy, x)
    dw = {"weight": weight.total[0, 0]}  # [1, 1, N, K] -> [N, K]
    return dw | {"bias": sum_of_rows(dy)} if bias else dw
