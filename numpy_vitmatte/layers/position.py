"""Positions: one learned vector per token, and one per offset between two tokens, both resized to the token grid."""

import functools
from collections.abc import Callable

import numpy as np

from numpy_vitmatte.kernels.separable import resize


def bicubic_weights(source: int, target: int) -> np.ndarray:
    """Matrix (target, source) that resizes a line of ``source`` samples to ``target``.

    Keys' cubic convolution with a = -0.75, half-pixel centres, edge samples repeated, no antialiasing: PyTorch's
    ``interpolate(mode="bicubic", align_corners=False)``.
    """
    a = -0.75
    position = (np.arange(target) + 0.5) * source / target - 0.5
    floor = np.floor(position)
    weights = np.zeros((target, source))
    for tap in range(-1, 3):
        x = np.abs(position - (floor + tap))
        near = ((a + 2) * x - (a + 3)) * x * x + 1
        far = ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
        index = np.clip(floor + tap, 0, source - 1).astype(int)
        weights[np.arange(target), index] += np.where(x <= 1, near, far)
    return weights


@functools.lru_cache(maxsize=16)
def _kept_weights(source: int, target: int) -> np.ndarray:
    """``bicubic_weights`` in float32, kept because pictures of one size often come one after the other."""
    return bicubic_weights(source, target).astype(np.float32)


def absolute_positions(table: np.ndarray, height: int, width: int) -> Callable[[int, int], np.ndarray]:
    """Resize the learned positions to a token grid, as many of its rows at a time as a caller asks for.

    Parameters
    ----------
    table : float array (1, 1 + side * side, C)
        As stored: a class token, which ViTMatte drops, then a square grid, row by row.
    height, width : int
        The token grid.

    Returns
    -------
    callable
        ``rows(first, last)`` gives rows ``first .. last - 1``: a float32 array (last - first, width, C). Bicubic, as in
        ``VitDetEmbeddings.get_absolute_positions`` of transformers.
    """
    grid = table[0, 1:]
    side = round(len(grid) ** 0.5)
    square = np.array(grid.reshape(side, side, -1), np.float32)  # [side * side, C] -> [side, side, C]; may be written:
    if (height, width) == (side, side):  # Numba compiles once more for arrays that may not
        return lambda first, last: square[first:last]
    across, down = _kept_weights(side, width), _kept_weights(side, height)

    def rows(first: int, last: int) -> np.ndarray:
        out = np.empty((last - first, width, square.shape[2]), np.float32)
        resize(square, down[first:last], across, out)
        return out

    return rows


def relative_positions(table: np.ndarray, length: int) -> np.ndarray:
    """Vectors of the offsets between ``length`` tokens along one axis.

    Parameters
    ----------
    table : float array (rows, head size)
        Stored for another length: 27 rows for a window of 14, 63 for the 32 tokens of a 512-pixel side.
    length : int
        Tokens along the axis.

    Returns
    -------
    float array (2 * length - 1, head size)
        Row ``length - 1 + (i - j)`` belongs to query ``i`` and key ``j``. Linear interpolation between two stored rows,
        half-pixel centres, edge rows repeated, as in ``get_rel_pos`` of transformers' VitDet: PyTorch's
        ``interpolate(mode="linear", align_corners=False)``.
    """
    rows = 2 * length - 1
    if len(table) == rows:
        return table
    position = np.maximum((np.arange(rows) + 0.5) * len(table) / rows - 0.5, 0)
    before = position.astype(int)
    after = np.minimum(before + 1, len(table) - 1)
    share = (position - before)[:, np.newaxis]
    return ((1 - share) * table[before] + share * table[after]).astype(table.dtype)
