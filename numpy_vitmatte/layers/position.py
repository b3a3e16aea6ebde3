"""Positions: one learned vector per token, and one per offset between two tokens, both resized to the token grid."""

import numpy as np

from numpy_vitmatte.kernels.parallel import for_each_block
from numpy_vitmatte.kernels.separable import resize_rows

ROWS_PER_BLOCK = 4
"""Rows of resized positions that a thread takes at a time."""


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
        np.add.at(weights, (np.arange(target), index), np.where(x <= 1, near, far))
    return weights


def absolute_positions(table: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resize the learned positions to a token grid.

    Parameters
    ----------
    table : float array (1, 1 + side * side, C)
        As stored: a class token, which ViTMatte drops, then a square grid, row by row.
    height, width : int
        The token grid.

    Returns
    -------
    float32 array (height, width, C)
        Bicubic, as in ``VitDetEmbeddings.get_absolute_positions`` of transformers.
    """
    grid = table[0, 1:]
    side = round(len(grid) ** 0.5)
    square = grid.reshape(side, side, -1)  # [side * side, C] -> [side, side, C]
    if (height, width) == (side, side):
        return square.astype(np.float32)
    square = np.array(square, np.float32)  # a copy: for arrays that may not be written Numba compiles once more
    across, down = (bicubic_weights(side, target).astype(np.float32) for target in (width, height))
    out = np.empty((height, width, square.shape[2]), np.float32)
    for_each_block(lambda first, last: resize_rows(square, down, across, first, last, out), height, ROWS_PER_BLOCK)
    return out


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
