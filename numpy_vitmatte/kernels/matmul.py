"""Matrix products on packed weights: the tile of ``tile.py`` swept over rows and columns."""

from typing import NamedTuple

import numpy as np

from numpy_vitmatte.kernels.microkernel import (
    PANEL,
    SHORT_ROWS,
    TALL_ROWS,
    TILE_PANELS,
    TILE_ROWS,
    full_tile,
    narrow_tile,
    row_tile,
    short_narrow_tile,
    short_tile,
    tall_tile,
)
from numpy_vitmatte.kernels.vectors import copy_lanes
from numpy_vitmatte.runtime.alignment import aligned_empty, aligned_scratch
from numpy_vitmatte.runtime.jit import EXACT_ORDER, ONE, ZERO, kernel

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


@kernel(EXACT_ORDER)
def whole_panels(columns):
    """Columns rounded up to whole panels."""
    return -(-columns // PANEL) * PANEL


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
    aligned = aligned_empty(packed.size)
    aligned.reshape(packed.shape)[:] = packed
    return PackedMatrix(aligned, padded_bias, depth, columns)


@kernel(EXACT_ORDER)
def _tile_height(rows, left, wide):
    """Rows of the next tile, when ``left`` of ``rows`` rows are left; more than ``left`` where a tile must slide back.

    A short tile reads its weights for fewer rows, so up to a third of a row's worth is better computed twice.
    """
    if wide == 1 and rows >= TALL_ROWS and left > TILE_ROWS + SHORT_ROWS:
        return TALL_ROWS
    if rows >= TILE_ROWS and left > 2 * SHORT_ROWS:
        return TILE_ROWS
    return SHORT_ROWS if rows >= SHORT_ROWS else 1


@kernel(EXACT_ORDER)
def _column_of_tiles(x, x_start, x_step, rows, segments, segment_step, depth, panels, panel, wide, bias,
                     out, out_start, out_step):  # fmt: skip
    """``sweep``'s outputs of ``wide`` panels from number ``panel`` on."""
    panel_size = segments * depth * PANEL
    w_start, column, m = panel * panel_size, panel * PANEL, 0
    while m < rows:
        height = _tile_height(rows, rows - m, wide)
        first = min(m, rows - height)
        x_first, start = x_start + first * x_step, out_start + first * out_step
        if height == 1:
            for q in range(wide):
                row_tile(x, x_first, x_step, segments, segment_step, depth, panels, w_start + q * panel_size,
                         bias, column + q * PANEL, out, start + q * PANEL, out_step)  # fmt: skip
        elif height == TILE_ROWS and wide == TILE_PANELS:
            full_tile(x, x_first, x_step, segments, segment_step, depth, panels, w_start,
                      bias, column, out, start, out_step)  # fmt: skip
        elif height == TALL_ROWS:
            tall_tile(x, x_first, x_step, segments, segment_step, depth, panels, w_start,
                      bias, column, out, start, out_step)  # fmt: skip
        elif height == TILE_ROWS:
            narrow_tile(x, x_first, x_step, segments, segment_step, depth, panels, w_start,
                        bias, column, out, start, out_step)  # fmt: skip
        elif wide == TILE_PANELS:
            short_tile(x, x_first, x_step, segments, segment_step, depth, panels, w_start,
                       bias, column, out, start, out_step)  # fmt: skip
        else:
            short_narrow_tile(x, x_first, x_step, segments, segment_step, depth, panels, w_start,
                              bias, column, out, start, out_step)  # fmt: skip
        m += height


@kernel(EXACT_ORDER)
def sweep(
    x, x_start, x_step, rows, segments, segment_step, depth, panels, bias, out, out_start, out_step, columns
):  # fmt: skip
    """Compute ``rows`` x ``columns`` outputs: ``out[m, n] = bias[n] + sum_k x[m, k] * w[k, n]``.

    Every output is one sum over ``k`` in ascending order, whichever tile computes it, so the bits do not depend on how
    rows are grouped. The last tile of a column slides back to stay full and computes some rows twice, to the same bits.
    """
    panel = ZERO
    while panel * PANEL < columns:
        left = columns - panel * PANEL
        wide = TILE_PANELS if left > PANEL else 1
        if left >= wide * PANEL:
            _column_of_tiles(x, x_start, x_step, rows, segments, segment_step, depth, panels, panel, wide, bias,
                             out, out_start + panel * PANEL, out_step)  # fmt: skip
        else:
            # A tile that is not full of columns goes through scratch, so that nothing is written past their rows.
            whole = np.empty(rows * wide * PANEL, np.float32)
            _column_of_tiles(x, x_start, x_step, rows, segments, segment_step, depth, panels, panel, wide, bias,
                             whole, ZERO, np.intp(wide * PANEL))  # fmt: skip
            for r in range(rows):
                copy_lanes(whole, r * wide * PANEL, left, out, out_start + r * out_step + panel * PANEL)
        panel += wide


@kernel(EXACT_ORDER)
def rows_at_a_time(rows):
    """Rows of the blocks that fit the cache: as few blocks as can be, of nearly the same number of tiles."""
    blocks = max(1, -(-rows // ROWS_IN_CACHE))
    return max(1, -(-rows // (blocks * TILE_ROWS))) * TILE_ROWS


@kernel(EXACT_ORDER)
def multiply_rows(x, rows, depth, panels, bias, out, columns):
    """``linear`` for other kernels, to memory that is there: by blocks of rows."""
    block = rows_at_a_time(rows)
    for first in range(0, rows, block):
        count = min(block, rows - first)
        sweep(x, first * depth, depth, count, ONE, ZERO, depth, panels, bias, out, first * columns, columns, columns)


@kernel(EXACT_ORDER)
def project(x, rows, matrix):
    """``linear`` for other kernels, of ``rows`` rows; to new memory."""
    out = aligned_scratch(rows * matrix.columns)
    multiply_rows(x, rows, matrix.depth, matrix.panels, matrix.bias, out, matrix.columns)
    return out


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
    multiply_rows(x.reshape(-1), rows, matrix.depth, matrix.panels, matrix.bias, out.reshape(-1), matrix.columns)
    return out
