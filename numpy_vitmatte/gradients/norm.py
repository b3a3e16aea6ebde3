"""Gradients of a layer norm."""

from collections.abc import Mapping

import numpy as np

from numpy_vitmatte.kernels.elementwise import normalize_rows
from numpy_vitmatte.kernels.gradients.elementwise import normalize_backward
from numpy_vitmatte.runtime.recycling import recycled_empty
from numpy_vitmatte.runtime.threads import for_each_block

ROWS = 128
"""Rows whose gradients by scale and shift are added up before their sum is."""


def layer_norm(x: np.ndarray, w: Mapping[str, np.ndarray], epsilon: float) -> np.ndarray:
    """Normalize, scale and shift rows (R, C) on all threads."""
    out, (weight, bias) = recycled_empty(x.shape), _parameters(w)

    def rows(first: int, last: int) -> None:
        normalize_rows(x[first:last], weight, bias, epsilon, out[first:last])

    for_each_block(rows, len(x), ROWS)
    return out


def layer_norm_backward(
    dy: np.ndarray, x: np.ndarray, w: Mapping[str, np.ndarray], epsilon: float, dx: np.ndarray
) -> dict[str, np.ndarray]:
    """Go back through a layer norm.

    Parameters
    ----------
    dy, x : float32 array (R, C)
    w : mapping of str to float32 array
        ``weight`` and ``bias`` (C,).
    epsilon : float
    dx : float32 array (R, C)
        The gradient by x is added to it.

    Returns
    -------
    dict of str to float32 array
        Gradients under the names of ``w``.
    """
    weight, _ = _parameters(w)
    sums = np.zeros((2, -(-len(x) // ROWS), x.shape[1]), np.float32)

    def rows(first: int, last: int) -> None:
        own = slice(first, last)
        dweight, dbias = sums[:, first // ROWS]
        normalize_backward(dy[own], x[own], weight, epsilon, dx[own], dweight, dbias)

    for_each_block(rows, len(x), ROWS)
    return {"weight": sums[0].sum(axis=0), "bias": sums[1].sum(axis=0)}


def _parameters(w: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Copy scale and shift: Numba compiles once more for arrays that may not be written."""
    return w["weight"].copy(), w["bias"].copy()
