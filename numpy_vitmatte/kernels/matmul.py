"""Matrix products on packed weights: the tile of ``tile.py`` swept over rows and columns."""

from typing import NamedTuple

import numpy as np

from numpy_vitmatte.kernels.jit import EXACT_ORDER, kernel
from numpy_vitmatte.kernels.tile import PANEL, TILE_PANELS, TILE_ROWS, full_tile, narrow_tile, row_tile

ROWS_IN_CACHE = 8 * TILE_ROWS
"""Rows swept by one panel of weights before the next: their input then stays in the second-level cache."""


class PackedMatrix(NamedTuple):
    """A weight matrix (K, N) with its bias, laid out for the tile.

    Attributes
    ----------
    panels : float32 array (ceil(N / 16) * K * 16,)
        Panel ``p`` holds columns ``16p .. 16p + 15``, row after row; columns past N are zero.
    bias : float32 array (ceil(N / 16) * 16,)
        One value per column, zeros where the layer has no bias.
    depth : int
        K, numbers summed per output.
    columns : int
        N, outputs per row.
    """

    panels: np.ndarray
    bias: np.ndarray
    depth: int
    columns: int


def packed_size(depth: int, columns: int) -> int:
    """Numbers in the panels of a (depth, columns) matrix."""
    return -(-columns // PANEL) * PANEL * depth


def pack(weight: np.ndarray, bias: np.ndarray | None = None) -> PackedMatrix:
    """Pack a (K, N) matrix and an optional bias (N,) for ``linear`` and ``conv``.

    Examples
    --------
    >>> import numpy as np
    >>> packed = pack(np.ones((3, 20), np.float32))
    >>> packed.panels.reshape(2, 3, 16)[1, 0]  # columns 16..19, then padding
    array([1., 1., 1., 1., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0.],
          dtype=float32)
    """
    depth, columns = weight.shape
    panels = -(-columns // PANEL)
    padded = np.zeros((depth, panels * PANEL), np.float32)  # [K, N] -> [K, panels * 16]
    padded[:, :columns] = weight
    padded_bias = np.zeros(panels * PANEL, np.float32)
    if bias is not None:
        padded_bias[:columns] = bias
    packed = padded.reshape(depth, panels, PANEL).transpose(1, 0, 2)  # [K, panels * 16] -> [panels, K, 16]
    return PackedMatrix(np.ascontiguousarray(packed).reshape(-1), padded_bias, depth, columns)


@kernel(EXACT_ORDER)
def sweep(
    x, x_start, x_step, rows, segments, segment_step, depth, panels, bias, out, out_start, out_step, columns
):  # fmt: skip
    """Compute ``rows`` x ``columns`` outputs: ``out[m, n] = bias[n] + sum_k x[m, k] * w[k, n]``.

    Every output is one sum over ``k`` in ascending order, whichever tile computes it, so the bits do not depend on how
    rows are grouped. The last tile of a column slides back to stay full and computes a few rows twice, to the same
    bits.
    """
    panel_size = segments * depth * PANEL
    column = 0
    while column < columns:
        p = column // PANEL
        wide = TILE_PANELS if columns - column >= TILE_PANELS * PANEL else 1
        whole = columns - column >= wide * PANEL
        # A last panel of fewer than 16 columns goes through a scratch tile, so that nothing is written past its row.
        target, target_step = out, out_step
        if not whole:
            target, target_step = np.empty(TILE_ROWS * PANEL, np.float32), PANEL
        height = TILE_ROWS if rows >= TILE_ROWS else 1
        m = 0
        while m < rows:
            first = min(m, rows - height)
            x_first = x_start + first * x_step
            start = out_start + first * out_step + column if whole else 0
            if height == 1:
                for q in range(wide):
                    row_tile(x, x_first, x_step, segments, segment_step, depth, panels, (p + q) * panel_size,
                             bias, column + q * PANEL, target, start + q * PANEL, target_step)  # fmt: skip
            elif wide == TILE_PANELS:
                full_tile(x, x_first, x_step, segments, segment_step, depth, panels, p * panel_size,
                          bias, column, target, start, target_step)  # fmt: skip
            else:
                narrow_tile(x, x_first, x_step, segments, segment_step, depth, panels, p * panel_size,
                            bias, column, target, start, target_step)  # fmt: skip
            if not whole:
                for r in range(height):
                    for c in range(columns - column):
                        out[out_start + (first + r) * out_step + column + c] = target[r * PANEL + c]
            m += height
        column += wide * PANEL


@kernel(EXACT_ORDER)
def _linear(x, rows, depth, panels, bias, out, columns):
    """Matrix product by blocks of rows that fit the cache: as few as can be, of nearly the same number of tiles."""
    blocks = -(-rows // ROWS_IN_CACHE)
    block = -(-rows // (blocks * TILE_ROWS)) * TILE_ROWS
    for first in range(0, rows, block):
        count = min(block, rows - first)
        sweep(x, first * depth, depth, count, 1, 0, depth, panels, bias, out, first * columns, columns, columns)


def linear(x: np.ndarray, matrix: PackedMatrix, out: np.ndarray | None = None) -> np.ndarray:
    """Affine map of every row: ``x @ weight + bias``.

    Parameters
    ----------
    x : float32 array (..., K)
        Contiguous.
    matrix : PackedMatrix
        ``pack(weight, bias)`` with weight (K, N).
    out : float32 array (..., N), optional
        Contiguous array to write to.

    Returns
    -------
    float32 array (..., N)
    """
    shape = (*x.shape[:-1], matrix.columns)
    if out is None:
        out = np.empty(shape, np.float32)
    rows = x.size // matrix.depth
    _linear(x.reshape(-1), rows, matrix.depth, matrix.panels, matrix.bias, out.reshape(-1), matrix.columns)
    return out
