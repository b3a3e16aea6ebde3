"""A 3x3 convolution of stride 1, two rows of outputs at a time, in the way for which its weights are packed.

Float32 numbers are convolved by Winograd's algorithm, or where channels are few by direct products; AMX tiles do direct
products, too.
"""

import numpy as np

from numpy_vitmatte.kernels.conv import conv_row
from numpy_vitmatte.kernels.direct_conv import rounded_rows, two_rows_in_tiles
from numpy_vitmatte.kernels.elementwise import copy_run
from numpy_vitmatte.kernels.integers import greater, lesser
from numpy_vitmatte.kernels.matmul import PackedMatrix
from numpy_vitmatte.kernels.regions import Piece, Rectangle
from numpy_vitmatte.kernels.tile_packing import parts_of
from numpy_vitmatte.kernels.winograd import (
    PackedConv3x3,
    output_tiles,
    two_rows_by_winograd,
    uses_winograd,
    winograd_scratch,
)
from numpy_vitmatte.runtime.choice import chosen_by_types
from numpy_vitmatte.runtime.jit import CALLED, EXACT_ORDER, ONE, THREE, ZERO, kernel
from numpy_vitmatte.runtime.workspace import aligned_scratch


@chosen_by_types
def conv3x3_scratch(conv, tiles):
    """Allocate what ``convolve_two_rows`` needs for ``tiles`` output tiles, down all rows of a rectangle."""
    return rounded_rows if parts_of(conv[0]) else winograd_scratch


@kernel(EXACT_ORDER, CALLED)
def _two_rows_of_numbers(x, y, rectangle, conv, scratch, out):
    top, left, bottom, right = rectangle
    first, tiles = left // 2 * 2, output_tiles(left, right)
    if uses_winograd(conv.depth, conv.columns):
        two_rows_by_winograd(x, y, first, tiles, conv, scratch, out)
    else:
        corners = Piece(x.values, x.top + 1, x.left + 1)  # a window begins one pixel before its output
        matrix = PackedMatrix(conv.panels, conv.bias, 9 * conv.depth, conv.columns)
        for row in range(greater(y, top), lesser(y + 2, bottom)):
            start = ((row - y) * 2 * tiles + left - first) * conv.columns
            conv_row(corners, row, left, right - left, THREE, ONE, matrix, out[start:])


@chosen_by_types
def convolve_two_rows(x, y, rectangle, conv, scratch, out):
    """Compute outputs of rows ``y`` and ``y + 1``, ``y`` even, as far as they lie in a rectangle.

    Parameters
    ----------
    x : Piece
        Part of the input: the rectangle and a halo of one pixel, zeros outside the image.
    rectangle : (top, left, bottom, right)
    conv : PackedConv3x3
    scratch : tuple of arrays
        ``conv3x3_scratch(conv, output_tiles(left, right))``, for one rectangle from its top to its bottom.
    out : float32 array (4 * tiles * C_out,)
        The two rows, from the even column at or before ``left`` on; outputs outside the rectangle may hold anything.
    """
    return two_rows_in_tiles if parts_of(conv[0]) else _two_rows_of_numbers


@kernel(EXACT_ORDER, allocates=True)
def _convolve_rows(x, first, last, width, conv, out):
    size, step = width * conv.columns, 2 * output_tiles(ZERO, width) * conv.columns
    both, scratch = aligned_scratch(2 * step), conv3x3_scratch(conv, output_tiles(ZERO, width))
    for y in range(first // 2 * 2, last, 2):
        convolve_two_rows(x, y, Rectangle(first, ZERO, last, width), conv, scratch, both)
        for row in range(greater(y, first), lesser(y + 2, last)):
            copy_run(both, (row - y) * step, size, out, (row - first) * size)


def convolve_rows(
    padded: np.ndarray, conv: PackedConv3x3, first: int, last: int, out: np.ndarray | None = None
) -> np.ndarray:
    """Compute rows ``first .. last - 1`` of a 3x3 convolution.

    Parameters
    ----------
    padded : float32 array (H + 2, W + 2, C_in)
        The image in a halo of one zero pixel.
    conv : PackedConv3x3
    first, last : int
        Range of output rows; at best both are even.
    out : float32 array (last - first, W, C_out), optional
        Contiguous array to write to.

    Returns
    -------
    float32 array (last - first, W, C_out)
    """
    width = padded.shape[1] - 2
    if out is None:
        out = np.empty((last - first, width, conv.columns), np.float32)
    _convolve_rows(Piece(padded, -1, -1), first, last, width, conv, out.reshape(-1))
    return out
