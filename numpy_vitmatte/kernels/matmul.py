"""Matrix products on packed weights: the register tile of ``microkernel.py`` swept over rows and columns."""

from typing import NamedTuple

import numpy as np

from numpy_vitmatte.kernels.bfloat16 import round_to_bfloat16
from numpy_vitmatte.kernels.integers import greater, lesser
from numpy_vitmatte.kernels.microkernel import (
    MR,
    PANEL,
    SHORT_ROWS,
    TALL_ROWS,
    TILE_PANELS,
    configure_tiles,
    full_tile,
    narrow_tile,
    release_tiles,
    row_tile,
    short_narrow_tile,
    short_tile,
    tall_tile,
)
from numpy_vitmatte.kernels.rounding import round_run
from numpy_vitmatte.kernels.square_sweep import column_of_squares
from numpy_vitmatte.kernels.tile_packing import parts_of, split_rows
from numpy_vitmatte.kernels.vectors import SLACK, copy_lanes
from numpy_vitmatte.runtime.choice import chosen_by_types
from numpy_vitmatte.runtime.jit import CALLED, EXACT_ORDER, INLINED, ONE, ZERO, kernel
from numpy_vitmatte.runtime.workspace import aligned_empty, aligned_scratch

ROWS_IN_CACHE = 8 * MR
"""Rows swept by one panel of weights before the next: their input then stays in the second-level cache."""


class Rows(NamedTuple):
    """Rows of numbers in a flat array: row ``m`` begins at ``values[start + m * step]``.

    Rows may overlap, like those that a convolution reads, or lie apart, like those of one attention head.

    Attributes
    ----------
    values : float32 array (any size,)
    start, step : int
    """

    values: np.ndarray
    start: int
    step: int


class Segments(NamedTuple):
    """The part of a row that a product reads: ``number`` runs of ``depth`` numbers whose starts lie ``step`` apart."""

    number: int
    step: int
    depth: int


class PackedMatrix(NamedTuple):
    """A weight matrix (K, N) with its bias, laid out for the register tile.

    Attributes
    ----------
    panels : float32 or uint16 array (ceil(N / 16) * K * 16,)
        Panel ``p`` holds columns ``16p .. 16p + 15``, row after row; columns past N are zero. Or the bits of bfloat16
        numbers, as ``round_packed`` lays them out.
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


@kernel(EXACT_ORDER, INLINED)
def whole_panels(columns):
    """Round a number of columns up to whole panels."""
    return -(-columns // PANEL) * PANEL


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


def round_packed(matrix: PackedMatrix) -> PackedMatrix:
    """Round packed weights to bfloat16: of each two rows the numbers of a column lie side by side.

    ``matrix.depth`` is even, and where a row of input has several segments, so is the depth of each.
    """
    return matrix._replace(panels=round_panels(matrix.panels))


def round_panels(panels: np.ndarray) -> np.ndarray:
    """Round packed panels, each of an even number of rows: the bits of bfloat16 numbers, in an array of the shape."""
    pairs = round_to_bfloat16(panels).reshape(-1, 2, PANEL).swapaxes(1, 2)  # [K, 16] -> [K / 2, 16, 2]
    aligned = aligned_empty(panels.size // 2).view(np.uint16)
    aligned.reshape(pairs.shape)[:] = pairs
    return aligned.reshape(panels.shape)


@kernel(EXACT_ORDER, INLINED)
def _tile_height(rows, left, wide):
    """Return the rows of the next tile, when ``left`` of ``rows`` are left; more than ``left`` if it must slide back.

    A short tile reads its weights for fewer rows, so up to a third of a row's worth is better computed twice.
    """
    if wide == 1 and rows >= TALL_ROWS and left > MR + SHORT_ROWS:
        return TALL_ROWS
    if rows >= MR and left > 2 * SHORT_ROWS:
        return MR
    return SHORT_ROWS if rows >= SHORT_ROWS else 1


@kernel(EXACT_ORDER, CALLED)
def _column_of_tiles(x, rows, segments, matrix, panel, wide, out):
    """Compute ``wide`` panels of outputs, from number ``panel`` on; ``out`` has the rows of panel 0."""
    number, step, depth = segments
    panels, bias = matrix.panels, matrix.bias
    x_values, x_start, x_step = x
    out_values, out_start, out_step = out
    panel_size = number * depth * PANEL
    w_start, column, m = panel * panel_size, panel * PANEL, 0
    while m < rows:
        height = _tile_height(rows, rows - m, wide)
        first = lesser(m, rows - height)
        x_first, start = x_start + first * x_step, out_start + first * out_step + column
        if height == 1:
            for q in range(wide):
                row_tile(x_values, x_first, x_step, number, step, depth, panels, w_start + q * panel_size,
                         bias, column + q * PANEL, out_values, start + q * PANEL, out_step)  # fmt: skip
        elif height == MR and wide == TILE_PANELS:
            full_tile(x_values, x_first, x_step, number, step, depth, panels, w_start,
                      bias, column, out_values, start, out_step)  # fmt: skip
        elif height == TALL_ROWS:
            tall_tile(x_values, x_first, x_step, number, step, depth, panels, w_start,
                      bias, column, out_values, start, out_step)  # fmt: skip
        elif height == MR:
            narrow_tile(x_values, x_first, x_step, number, step, depth, panels, w_start,
                        bias, column, out_values, start, out_step)  # fmt: skip
        elif wide == TILE_PANELS:
            short_tile(x_values, x_first, x_step, number, step, depth, panels, w_start,
                       bias, column, out_values, start, out_step)  # fmt: skip
        else:
            short_narrow_tile(x_values, x_first, x_step, number, step, depth, panels, w_start,
                              bias, column, out_values, start, out_step)  # fmt: skip
        m += height


@chosen_by_types
def _column(x, rows, segments, matrix, panel, wide, out):
    """Compute ``wide`` panels of outputs by the tiles of the weights' type."""
    return column_of_squares if parts_of(matrix[0]) else _column_of_tiles


@kernel(EXACT_ORDER, CALLED, allocates=True)
def _last_column(x, rows, segments, matrix, panel, wide, out):
    """Compute columns that do not fill a tile. They go through scratch: nothing is written past the rows of ``out``."""
    width, left = wide * PANEL, matrix.columns - panel * PANEL
    whole = aligned_scratch(rows * width)
    _column(x, rows, segments, matrix, panel, wide, Rows(whole, -panel * PANEL, np.intp(width)))
    for r in range(rows):
        copy_lanes(whole, r * width, left, out.values, out.start + r * out.step + panel * PANEL)


@kernel(EXACT_ORDER, CALLED)
def sweep_columns(x, rows, segments, matrix, out):
    """Apply ``sweep`` to numbers of the weights' type. It counts no references, which small products would feel."""
    panel, columns = ZERO, matrix.columns
    configure_tiles(matrix.panels)
    while panel * PANEL < columns:
        wide = TILE_PANELS if columns - panel * PANEL > PANEL else 1
        if (panel + wide) * PANEL <= columns:
            _column(x, rows, segments, matrix, panel, wide, out)
        else:
            _last_column(x, rows, segments, matrix, panel, wide, out)
        panel += wide
    release_tiles(matrix.panels)


@kernel(EXACT_ORDER, CALLED, allocates=True)
def _sweep_in_tiles(x, rows, segments, matrix, out):
    inputs, runs = split_rows(x, rows, segments, matrix.panels.itemsize // 2)
    sweep_columns(inputs, rows, runs, matrix, out)


@kernel(EXACT_ORDER, CALLED, allocates=True)
def _sweep_in_pairs(x, rows, segments, matrix, out):
    """Round the runs of each row one behind the other, so that they become a single segment."""
    (number, step, depth), (values, start, x_step) = segments, x
    whole = number * depth
    bits = np.empty(rows * whole + SLACK, np.uint16)
    for m in range(rows):
        for s in range(number):
            round_run(values, start + m * x_step + s * step, depth, bits, m * whole + s * depth, depth, ZERO)
    sweep_columns(Rows(bits, ZERO, whole), rows, Segments(ONE, ZERO, whole), matrix, out)


@chosen_by_types
def sweep(x, rows, segments, matrix, out):
    """Compute ``out[m, n] = bias[n] + sum_k x[m, k] * w[k, n]`` for ``rows`` rows and all columns of the matrix.

    Every output is one sum over ``k`` in ascending order, whichever tile computes it, so the bits do not depend on how
    rows are grouped. The last tile of a column slides back to stay full and computes some rows twice, to the same bits.

    Parameters
    ----------
    x, out : Rows
        Input and output. The numbers between the rows of ``out`` are left alone.
    rows : int
    segments : Segments
        The part of each row of ``x`` that is read.
    matrix : PackedMatrix
        (K, N) with K = ``segments.number * segments.depth``.
    """
    if parts_of(matrix[0]):
        return _sweep_in_tiles
    return sweep_columns if str(matrix[0].dtype) == "float32" else _sweep_in_pairs


@kernel(EXACT_ORDER, INLINED)
def rows_at_a_time(rows):
    """Return the rows of a block that fits the cache: as few blocks as possible, of nearly the same number of tiles."""
    blocks = greater(1, -(-rows // ROWS_IN_CACHE))
    return greater(1, -(-rows // (blocks * MR))) * MR


@kernel(EXACT_ORDER)
def multiply(x, rows, matrix, out):
    """Apply ``linear`` for other kernels, from one flat array of ``rows`` whole rows to another."""
    depth, columns, block = matrix.depth, matrix.columns, rows_at_a_time(rows)
    for first in range(0, rows, block):
        count = lesser(block, rows - first)
        sweep(Rows(x, first * depth, depth), count, Segments(ONE, ZERO, depth), matrix,
              Rows(out, first * columns, columns))  # fmt: skip


@kernel(EXACT_ORDER, CALLED, allocates=True)
def project(x, rows, matrix):
    """Apply ``multiply``, and return the result in new memory."""
    out = aligned_scratch(rows * matrix.columns)
    multiply(x, rows, matrix, out)
    return out


def linear(x: np.ndarray, matrix: PackedMatrix, out: np.ndarray | None = None) -> np.ndarray:
    """Apply an affine map to every row: ``x @ weight + bias``.

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
    if out is None:
        out = np.empty((*x.shape[:-1], matrix.columns), np.float32)
    rows = x.size // matrix.depth
    multiply(x.reshape(-1), rows, matrix, out.reshape(-1))
    return out
