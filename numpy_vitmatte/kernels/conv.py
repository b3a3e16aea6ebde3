"""Convolutions over channels-last images, as sums of matrix products with no im2col copy.

Channels are stored last, so the three pixels under one row of a 3x3 window are ``3 * C`` neighbouring numbers, and the
window is three such runs, one image row apart: three *segments* of the tile in ``tile.py``.
"""

import numpy as np

from numpy_vitmatte.kernels.jit import EXACT_ORDER, kernel
from numpy_vitmatte.kernels.matmul import PackedMatrix, pack, sweep


def pack_conv(weight: np.ndarray, bias: np.ndarray | None = None) -> PackedMatrix:
    """Pack a convolution's weight (C_out, C_in, kh, kw), as checkpoints store it, and its bias (C_out,)."""
    outputs = weight.shape[0]
    rows = weight.transpose(2, 3, 1, 0).reshape(-1, outputs)  # [C_out, C_in, kh, kw] -> [kh * kw * C_in, C_out]
    return pack(rows, bias)


def pad(image: np.ndarray, border: int = 1) -> np.ndarray:
    """Zero border on all four sides: (H, W, C) -> (H + 2 border, W + 2 border, C)."""
    height, width, channels = image.shape
    padded = np.empty((height + 2 * border, width + 2 * border, channels), np.float32)
    padded[:border] = 0
    padded[-border:] = 0
    padded[border:-border, :border] = 0
    padded[border:-border, -border:] = 0
    padded[border:-border, border:-border] = image
    return padded


@kernel(EXACT_ORDER)
def _conv_rows(x, padded_width, channels, first, count, width, size, stride, panels, bias, out, columns):
    """Output rows ``first .. first + count - 1`` of a ``size`` x ``size`` convolution, one sweep per row."""
    row = padded_width * channels
    for r in range(count):
        sweep(x, (first + r) * stride * row, stride * channels, width, size, row, size * channels,
              panels, bias, out, r * width * columns, columns, columns)  # fmt: skip


def conv_rows(
    padded: np.ndarray, matrix: PackedMatrix, first: int, last: int, size: int = 3, stride: int = 1
) -> np.ndarray:
    """Rows ``first .. last - 1`` of a square convolution.

    It replaces ``sum(padded[dy::stride, dx::stride] @ weight[:, :, dy, dx].T for dy, dx in the window) + bias``.

    Parameters
    ----------
    padded : float32 array (Hp, Wp, C_in)
        The image with its zero border.
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
    _, padded_width, channels = padded.shape
    width = (padded_width - size) // stride + 1
    out = np.empty((last - first, width, matrix.columns), np.float32)
    _conv_rows(padded.reshape(-1), padded_width, channels, first, last - first, width, size, stride,
               matrix.panels, matrix.bias, out.reshape(-1), matrix.columns)  # fmt: skip
    return out


def rows_per_block(row_bytes: int, target_bytes: int = 1 << 19) -> int:
    """Rows whose bytes stay within a core's second-level cache: the unit in which threads take work."""
    return max(1, target_bytes // row_bytes)
