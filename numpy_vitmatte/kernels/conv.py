"""Convolutions over channels-last images, as sums of matrix products with no im2col copy.

Channels are stored last, so the three pixels under one row of a 3x3 window are ``3 * C`` neighboring numbers, and the
window is three such runs, one image row apart: three *segments* of the register tile in ``microkernel.py``.
"""

import numpy as np

from numpy_vitmatte.kernels.elementwise import relu
from numpy_vitmatte.kernels.matmul import PackedMatrix, Rows, Segments, pack, sweep
from numpy_vitmatte.kernels.regions import Piece, Rectangle
from numpy_vitmatte.kernels.views import flattened, view
from numpy_vitmatte.runtime.jit import CALLED, EXACT_ORDER, INLINED, THREE, ZERO, kernel


def pack_conv(weight: np.ndarray, bias: np.ndarray | None = None) -> PackedMatrix:
    """Pack a convolution's weight (C_out, C_in, kh, kw), as checkpoints store it, and its bias (C_out,)."""
    outputs = weight.shape[0]
    rows = weight.transpose(2, 3, 1, 0).reshape(-1, outputs)  # [C_out, C_in, kh, kw] -> [kh * kw * C_in, C_out]
    return pack(rows, bias)


@kernel(EXACT_ORDER, CALLED)
def conv_row(x, y, x_first, count, size, stride, matrix, out):
    """Write outputs (y, x_first) to (y, x_first + count - 1) from ``out[0]`` on, in one sweep over a row.

    ``x`` is a piece of the input; the window of output (y, x) begins at the input's pixel (stride * y, stride * x).
    """
    channels = x.values.shape[2]
    row = x.values.shape[1] * channels
    corner = (y * stride - x.top) * row + (x_first * stride - x.left) * channels
    windows = Rows(flattened(x.values), corner, stride * channels)
    sweep(windows, count, Segments(size, row, size * channels), matrix, Rows(out, ZERO, matrix.columns))


@kernel(EXACT_ORDER)
def _conv_rows(x, first, count, width, size, stride, matrix, out):
    step = width * matrix.columns
    for r in range(count):
        conv_row(x, first + r, ZERO, width, size, stride, matrix, view(out, r * step, (step,)))


def conv_rows(
    padded: np.ndarray, matrix: PackedMatrix, first: int, last: int, size: int = 3, stride: int = 1
) -> np.ndarray:
    """Compute rows ``first .. last - 1`` of a square convolution.

    It replaces ``sum(padded[dy::stride, dx::stride] @ weight[:, :, dy, dx].T for dy, dx in the window) + bias``.

    Parameters
    ----------
    padded : float32 array (Hp, Wp, C_in)
        The image, zero-padded.
    matrix : PackedMatrix
        ``pack_conv(weight, bias)``, weight (C_out, C_in, size, size).
    first, last : int
        Range of output rows.
    size, stride : int
        Side of the window; step between windows in both directions.

    Returns
    -------
    float32 array (last - first, W_out, C_out), with W_out = (Wp - size) // stride + 1
    """
    width = (padded.shape[1] - size) // stride + 1
    out = np.empty((last - first, width, matrix.columns), np.float32)
    _conv_rows(Piece(padded, 0, 0), first, last - first, width, size, stride, matrix, out.reshape(-1))
    return out


@kernel(EXACT_ORDER, INLINED)
def input_region_of_conv(rectangle, stride):
    """Return the rectangle of its input that ``conv_relu`` reads for a rectangle of outputs.

    It may reach one pixel beyond the input: the halo, which is zero.
    """
    top, left, bottom, right = rectangle
    return Rectangle(stride * top - 1, stride * left - 1, stride * (bottom - 1) + 2, stride * (right - 1) + 2)


@kernel(EXACT_ORDER)
def conv_relu(x, matrix, stride, rectangle, out):
    """Compute ``relu(conv3x3(x) + bias)`` for a rectangle of outputs.

    Parameters
    ----------
    x : Piece
        Part of the input: all of ``input_region_of_conv``, zeros outside the map.
    matrix : PackedMatrix
        ``pack_conv(weight, bias)``.
    stride : int
        Output (y, x) has its window around input (stride * y, stride * x).
    rectangle : Rectangle
        Part of the output map.
    out : Piece
        Part of the output map; the rectangle is filled.
    """
    top, left, bottom, right = rectangle
    count = (right - left) * matrix.columns
    corners = Piece(x.values, x.top + 1, x.left + 1)  # the window of output (y, x) begins at (stride * y - 1, ...)
    for y in range(top, bottom):
        start = ((y - out.top) * out.values.shape[1] + left - out.left) * matrix.columns
        row = view(out.values, start, (count,))
        conv_row(corners, y, left, right - left, THREE, stride, matrix, row)
        relu(row)


def rows_per_block(row_bytes: int, target_bytes: int = 1 << 19) -> int:
    """Count the rows whose bytes stay within a core's second-level cache: the unit in which threads take work."""
    return max(1, target_bytes // row_bytes)
