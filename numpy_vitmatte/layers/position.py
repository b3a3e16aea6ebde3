"""Positions: one learned vector per token, and one per offset between two tokens, both resized to the token grid."""

import functools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from numpy_vitmatte.kernels.matmul import pack
from numpy_vitmatte.kernels.resample import resize
from numpy_vitmatte.kernels.tile_packing import pack_tiles

float32 = np.dtype(np.float32)


def bicubic_weights(source: int, target: int) -> np.ndarray:
    """Return the matrix (target, source) that resizes a line of ``source`` samples to ``target``.

    It is Keys' cubic convolution with a = -0.75, half-pixel centers, edge samples repeated, no antialiasing: PyTorch's
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
    """Return ``bicubic_weights`` in float32, kept because photos of one size often follow each other."""
    return bicubic_weights(source, target).astype(np.float32)


def absolute_positions(table: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resize the learned positions to a token grid.

    Parameters
    ----------
    table : float array (1, 1 + side * side, C)
        The table as stored: a class token, which ViTMatte drops, then a square grid, row by row.
    height, width : int
        The token grid.

    Returns
    -------
    float32 array (height, width, C)
        Bicubic, as in ``VitDetEmbeddings.get_absolute_positions`` of transformers.
    """
    return rows_of_positions(table, height, width)(0, height)


def rows_of_positions(table: np.ndarray, height: int, width: int) -> Callable[[int, int], np.ndarray]:
    """Give ``absolute_positions`` as many rows of the grid at a time as a caller asks for.

    Returns
    -------
    callable
        ``rows(first, last)`` gives rows ``first .. last - 1``: a float32 array (last - first, width, C).
    """
    grid = table[0, 1:]
    side = round(len(grid) ** 0.5)
    # [side * side, C] -> [side, side, C], copied: Numba compiles once more for arrays that may not be written.
    square = np.array(grid.reshape(side, side, -1), np.float32)
    if (height, width) == (side, side):
        return lambda first, last: square[first:last]
    across, down = _kept_weights(side, width), _kept_weights(side, height)

    def rows(first: int, last: int) -> np.ndarray:
        out = np.empty((last - first, width, square.shape[2]), np.float32)
        resize(square, down[first:last], across, out)
        return out

    return rows


def relative_positions(table: np.ndarray, length: int) -> np.ndarray:
    """Return the vectors of the offsets between ``length`` tokens along one axis.

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
        half-pixel centers, edge rows repeated, as in ``get_rel_pos`` of transformers' VitDet: PyTorch's
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


class RelativePositions(NamedTuple):
    """The vectors of the offsets along one axis.

    Attributes
    ----------
    table : float32 array (rows, d)
        The vectors as stored.
    panels : float32, int16 or int32 array
        Packed for as many tokens as they are stored for, which a window always has.
    resized : dict of int to float32 array
        Packed for another number of tokens, by that number. Only the last is kept: photos of one size often follow each
        other.
    dtype : dtype
        The type of the panels.
    """

    table: np.ndarray
    panels: np.ndarray
    resized: dict[int, np.ndarray]
    dtype: np.dtype

    @classmethod
    def from_table(cls, table: np.ndarray) -> "RelativePositions":
        """Pack a checkpoint's ``rel_pos_h`` or ``rel_pos_w``."""
        return cls(table, _packed(table, float32), {}, float32)

    def for_tiles(self, dtype: np.dtype) -> "RelativePositions":
        """Return the same vectors, packed as int16 or int32 for AMX tiles."""
        return RelativePositions(self.table, _packed(self.table, dtype), {}, dtype)

    def packed_for(self, length: int) -> np.ndarray:
        """Return the packed matrix (d, 2 length - 1), resized where another length is stored."""
        if len(self.table) == 2 * length - 1:
            return self.panels
        panels = self.resized.get(length)
        if panels is None:
            panels = _packed(relative_positions(self.table, length), self.dtype)
            self.resized.clear()
            self.resized[length] = panels
        return panels


def _packed(offsets: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Rows are reversed, so that the offsets of one query to keys 0, 1, 2, ... are neighbors in memory."""
    panels = pack(offsets[::-1].T).panels
    return panels if dtype == float32 else pack_tiles(panels, offsets.shape[1], 1, dtype)
