"""A 3x3 convolution of stride 1 on AMX tiles: as a sum of products, without Winograd's sums.

Tiles do 36 products in less time than the processor takes to form the sums of pixels that save 20 of them, and rounded
sums would lose more than rounded pixels do.

Three rows of outputs read a row of pixels. It is rounded once: the last rows are kept, and two of them are moved on
when two rows of outputs are done.
"""

import numpy as np

from numpy_vitmatte.kernels.elementwise import copy_run
from numpy_vitmatte.kernels.integers import greater, lesser
from numpy_vitmatte.kernels.matmul import PackedMatrix, Rows, pack, sweep_columns
from numpy_vitmatte.kernels.microkernel import PANEL
from numpy_vitmatte.kernels.tile_packing import pack_tiles, room_for_parts, split_numbers, whole_tiles
from numpy_vitmatte.kernels.tiles import TILE_ROWS
from numpy_vitmatte.kernels.views import flattened
from numpy_vitmatte.kernels.winograd import (
    OUTPUTS_AT_A_TIME,
    PLACES,
    WEIGHT,
    PackedConv3x3,
    output_tiles,
    uses_winograd,
)
from numpy_vitmatte.runtime.jit import CALLED, EXACT_ORDER, INLINED, THREE, kernel

_ROWS, _WINDOW = 3, 9
"""Rows of a window, which are segments of a product, and its pixels."""
_ROWS_READ = 4
"""Rows of pixels that two rows of outputs read."""
_NONE = np.intp(-_ROWS_READ)
"""In the place of a row's number: no rows are kept yet."""


def direct_conv3x3(conv: PackedConv3x3, dtype: np.typing.DTypeLike) -> PackedConv3x3:
    """Lay out a packed convolution for tiles: the (9 * C_in, C_out) matrix, as ``tile_packing.pack_tiles`` does.

    Winograd's sums of weights are ``G g G.T``; the weights ``g`` come back by the inverse of ``G``, to the last bits of
    a float32, more than two bfloat16 numbers keep. Where channels are too few for Winograd the matrix is there already.
    """
    panels, depth = conv.panels, _WINDOW * conv.depth
    if uses_winograd(conv.depth, conv.columns):
        inverse = np.linalg.pinv(np.kron(WEIGHT, WEIGHT))  # [9, 16]
        group = PLACES * conv.depth * OUTPUTS_AT_A_TIME
        groups = np.split(panels, range(group, panels.size, group))
        windows = [(inverse @ own.reshape(PLACES, -1)).reshape(_WINDOW, -1, conv.depth, PANEL) for own in groups]
        rows = np.concatenate(windows, 1).swapaxes(1, 2).reshape(depth, -1)  # [9, ., C_in, 16] -> [9 * C_in, C_out]
        panels = pack(rows.astype(np.float32)).panels
    return conv._replace(panels=pack_tiles(panels, depth, _ROWS, dtype))


@kernel(EXACT_ORDER, INLINED)
def _length_of_row(channels, tiles):
    """Count the numbers of a row of pixels that windows under ``tiles`` output tiles read; tiles read 16 at least."""
    return whole_tiles((greater(2 * tiles, TILE_ROWS) - 1) * channels + whole_tiles(_ROWS * channels))


@kernel(EXACT_ORDER, CALLED, allocates=True)
def _room_for_rows(length, parts):
    bits, begin, part = room_for_parts(_ROWS_READ * length, parts)
    return bits, begin, part, np.full(1, _NONE)


@kernel(EXACT_ORDER, INLINED, allocates=True)
def rounded_rows(conv, tiles):
    """Allocate the rows that ``two_rows_in_tiles`` keeps.

    Returns
    -------
    tuple
        An array of bfloat16 bits, the place of the first row in it, the distance of second parts, and an array that
        holds the number of the first row of outputs that they are for.
    """
    return _room_for_rows(_length_of_row(conv.depth, tiles), conv.panels.itemsize // 2)


@kernel(EXACT_ORDER, CALLED)
def _round_rows(x, y, left, count, parts, length, kept):
    """Keep the rows of pixels ``y - 1 .. y + 2`` as far as the piece has them; those behind it nobody reads."""
    (bits, begin, part, number), (values, x_top, x_left) = kept, x
    height, width, channels = values.shape
    shared = 2 if number[0] == y - 2 else 0
    for n in range(parts if shared else 0):
        copy_run(bits, begin + 2 * length + n * part, 2 * length, bits, begin + n * part)
    for n in range(shared, _ROWS_READ):
        row = lesser(greater(y - 1 + n - x_top, 0), height - 1)
        start = (row * width + left - 1 - x_left) * channels
        split_numbers(flattened(values), start, (count + 2) * channels, bits, begin + n * length, length, parts, part)
    number[0] = y


@kernel(EXACT_ORDER, CALLED)
def two_rows_in_tiles(x, y, rectangle, conv, scratch, out):
    """Apply ``conv3x3.convolve_two_rows`` where weights are for tiles."""
    top, left, bottom, right = rectangle
    first, tiles, count, channels = left // 2 * 2, output_tiles(left, right), right - left, conv.columns
    length, (bits, begin, _, _) = _length_of_row(conv.depth, tiles), scratch
    _round_rows(x, y, left, count, conv.panels.itemsize // 2, length, scratch)
    matrix = PackedMatrix(conv.panels, conv.bias, _WINDOW * conv.depth, channels)
    for row in range(greater(y, top), lesser(y + 2, bottom)):
        start = ((row - y) * 2 * tiles + left - first) * channels
        windows = bits, begin + (row - y) * length, conv.depth
        sweep_columns(windows, count, (THREE, length, whole_tiles(_ROWS * conv.depth)), matrix,
                      Rows(out, start, channels))  # fmt: skip
