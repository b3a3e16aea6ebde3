"""The multilayer perceptron of a transformer block, and its gradients."""

from collections.abc import Mapping

import numpy as np

from numpy_vitmatte.gradients.linear import Tensors, linear_weight_backward
from numpy_vitmatte.gradients.products import linear_rows, pack_stored
from numpy_vitmatte.kernels.elementwise import gelu_
from numpy_vitmatte.kernels.gradients.elementwise import gelu_backward
from numpy_vitmatte.kernels.matmul import ROWS_IN_CACHE, linear
from numpy_vitmatte.layers.mlp import MlpParameters
from numpy_vitmatte.reference_backward import above
from numpy_vitmatte.runtime.recycling import recycled_empty
from numpy_vitmatte.runtime.threads import for_each_block


def mlp(x: np.ndarray, parameters: MlpParameters) -> tuple[np.ndarray, np.ndarray]:
    """Compute ``fc2(gelu(fc1(x)))`` of rows (R, C); the second result is ``fc1(x)`` (R, 4 C), which is kept."""
    out, hidden = recycled_empty(x.shape), recycled_empty((len(x), parameters.fc1.columns))

    def rows(first: int, last: int) -> None:
        linear(x[first:last], parameters.fc1, hidden[first:last])
        linear(gelu_(hidden[first:last].copy()), parameters.fc2, out[first:last])

    for_each_block(rows, len(x), ROWS_IN_CACHE)
    return out, hidden


def gelu_rows_backward(dy: np.ndarray, x: np.ndarray) -> None:
    """Turn dy into the gradient by x, and x into ``gelu(x)``, on all threads; both are (R, C)."""

    def rows(first: int, last: int) -> None:
        gelu_backward(dy[first:last].reshape(-1), x[first:last].reshape(-1))

    for_each_block(rows, len(x), ROWS_IN_CACHE)


def mlp_backward(
    dy: np.ndarray, x: np.ndarray, hidden: np.ndarray, w: Mapping[str, np.ndarray]
) -> tuple[np.ndarray, Tensors]:
    """Go back through the MLP.

    Parameters
    ----------
    dy, x : float32 array (R, C)
    hidden : float32 array (R, 4 C)
        What ``mlp`` kept; it is overwritten.
    w : mapping of str to float32 array
        Tensors of ``fc1`` and ``fc2``, as a checkpoint stores them.

    Returns
    -------
    dx : float32 array (R, C)
    dw : dict of str to float32 array
    """
    d = linear_rows(dy, pack_stored(w["fc2.weight"]))
    gelu_rows_backward(d, hidden)
    dfc2 = linear_weight_backward(dy, hidden)
    dfc1 = linear_weight_backward(d, x)
    return linear_rows(d, pack_stored(w["fc1.weight"])), above(dfc1, "fc1.") | above(dfc2, "fc2.")
