"""A 3x3 convolution of a detail map joined with a bilinearly doubled map, the doubled half done at low resolution.

Convolution and doubling are both linear, so they commute: ``conv3x3(up(F)) = sum over dy, dx of shift(up(F @ W[dy,
dx]), dy, dx)``. The products ``F @ W[dy, dx]`` cost a quarter at low resolution. High resolution only needs a
blend, for each output, of its nine shifted maps with the fixed weights 1/4 and 3/4.

The blend is done along rows, then down columns (``blend.py``), for two outputs at a time. A row of products is blended
while it is in the cache, and two thirds as many numbers are left of it.

Work goes strip by strip and down a strip row by row. The doubled pixels of three low-resolution rows, all that two rows
of outputs read, then stay in a core's second-level cache. A wide strip uses a row of weights for more pixels.
"""

from typing import NamedTuple

import numpy as np

from numpy_vitmatte.kernels.blend import blend_pixels, blend_rows
from numpy_vitmatte.kernels.conv3x3 import conv3x3_scratch, convolve_two_rows
from numpy_vitmatte.kernels.integers import greater, lesser
from numpy_vitmatte.kernels.matmul import PackedMatrix, Rows, Segments, sweep, whole_panels
from numpy_vitmatte.kernels.regions import Rectangle
from numpy_vitmatte.kernels.vectors import SLACK
from numpy_vitmatte.kernels.views import flattened, view
from numpy_vitmatte.kernels.winograd import output_tiles
from numpy_vitmatte.runtime.jit import CALLED, EXACT_ORDER, INLINED, ONE, PART, ZERO, kernel
from numpy_vitmatte.runtime.workspace import aligned_scratch, filled_scratch

float32 = np.float32

STRIP_NUMBERS = 300_000
"""Numbers that a strip keeps between rows, at most: doubled pixels of three low-resolution rows, for three shifts."""
_DETAIL = np.intp(9)
"""Number of the detail half's first row in a strip's ring."""


@kernel(EXACT_ORDER, INLINED)
def input_region_of_fusion(rectangle, height, width):
    """Return the ``Rectangle`` that outputs of ``fuse`` read of a ``height`` x ``width`` low-resolution map."""
    top, left, bottom, right = rectangle
    return Rectangle(greater((top - 2) // 2, 0), greater((left - 2) // 2, 0),
                     lesser((bottom + 1) // 2 + 1, height), lesser((right + 1) // 2 + 1, width))  # fmt: skip


@kernel(EXACT_ORDER, PART)
def _multiply_row(features, row, low, matrix, products):
    """Set ``products[j] = F[row, low.left + j] @ W`` for all columns of ``low``: for each dy three dx side by side."""
    start = ((row - features.top) * features.values.shape[1] + low.left - features.left) * matrix.depth
    pixels = Rows(flattened(features.values), start, matrix.depth)
    sweep(pixels, low.right - low.left, Segments(ONE, ZERO, matrix.depth), matrix, Rows(products, ZERO, matrix.columns))


@kernel(EXACT_ORDER, PART)
def _blend_across(pixels, width, first, last, channels, out, o):
    """Set ``out[o:]`` to the doubled pixels of columns ``first .. last - 1``, summed over dx.

    ``pixels`` are ``Rows``, one for each of the ``width`` low-resolution columns.
    """
    (values, start, step), column = pixels, first
    while column < last:
        # Columns at an edge come one by one, those between them at once.
        before, after = greater(column - 1, 0), lesser(column + 1, width - 1)
        columns = lesser(last, width - 1) - column if before < column < after else 1
        places = start + before * step, start + column * step, start + after * step
        flags = float32(before < column), float32(column < after)
        blend_pixels(values, places, (channels, step), flags, (columns, channels), out,
                     o + 2 * (column - first) * channels)  # fmt: skip
        column += columns


@kernel(EXACT_ORDER, PART)
def _finish_rows(ring, row, height, size, strip, channels, out, floor):
    """Blend doubled pixels down columns, add them to the detail half's rows, and write those inside the strip."""
    (top, left, bottom, right), (values, out_top, out_left) = strip, out
    before, after, first = greater(row - 1, 0), lesser(row + 1, height - 1), left % 2 * channels
    places = (before % 3 * 3 * size + first, row % 3 * 3 * size + first, after % 3 * 3 * size + first,
              _DETAIL * size + first)  # fmt: skip
    flags, count = (float32(before < row), float32(row < after)), (right - left) * channels
    start = (left - out_left - out_top * values.shape[1]) * channels
    counts = count if 2 * row >= top else 0, count if 2 * row + 1 < bottom else 0
    targets = start + 2 * row * values.shape[1] * channels, start + (2 * row + 1) * values.shape[1] * channels
    blend_rows(ring, places, size, flags, counts, floor, flattened(values), targets)


class _Room(NamedTuple):
    """Scratch of a strip: what ``convolve_two_rows`` needs, a row of products, and rows that wait for others.

    ``ring`` holds the doubled pixels of three low-resolution rows, each at the place of its number modulo 3, for each
    dy. Behind these nine lie two rows of the detail map's half.
    """

    conv: tuple[np.ndarray, ...]
    products: np.ndarray
    ring: np.ndarray


@kernel(EXACT_ORDER, CALLED)
def _fuse_strip(detail, conv, features, matrix, shape, strip, room, out, floor):
    """Compute one strip of ``fuse``: two rows of outputs at a time, from an even column on."""
    (height, width), (top, left, bottom, right), (scratch, products, ring) = shape, strip, room
    channels, first, tiles = conv.columns, left // 2, output_tiles(left, right)
    low, outputs, size = input_region_of_fusion(strip, height, width), matrix.columns // 3, 2 * tiles * channels
    detail_half = view(ring, _DETAIL * size, (2 * size,))
    ready = low.top  # the next low-resolution row to multiply
    for row in range(top // 2, (bottom + 1) // 2):
        convolve_two_rows(detail, 2 * row, strip, conv, scratch, detail_half)
        while ready < lesser(row + 2, height):
            _multiply_row(features, ready, low, matrix, products)
            for dy in range(3):
                pixels = Rows(products, (dy - 3 * low.left) * outputs, 3 * outputs)
                _blend_across(pixels, width, first, first + tiles, channels, ring, (ready % 3 * 3 + dy) * size)
            ready += 1
        _finish_rows(ring, row, height, size, strip, channels, out, floor)


@kernel(EXACT_ORDER, allocates=True)
def fuse(detail, conv, features, taps, shape, rectangle, out, floor):
    """Compute ``max(conv3x3(detail) + conv3x3(up2(features)) + bias, floor)`` for a rectangle of outputs.

    Parameters
    ----------
    detail : Piece
        Part of the detail map: the rectangle and a halo of one pixel, zeros outside the image.
    conv : PackedConv3x3
        The detail map's half of the convolution, C_detail to C channels, with the bias.
    features : Piece
        Part of the low-resolution features: all of ``input_region_of_fusion``.
    taps : float32 array (3, .)
        For each dy the packed matrix (C_in, 3 * C): dx = 0, 1, 2 side by side.
    shape : (int, int)
        Height and width of the whole low-resolution map.
    rectangle : Rectangle
        Part of the doubled map.
    out : Piece
        Part of the doubled map, C channels; the rectangle is filled.
    floor : float32
        0 for a ReLU; minus infinity for the convolution alone.
    """
    (height, width), (top, left, bottom, right), channels = shape, rectangle, conv.columns
    first, last, outputs = left // 2, (right + 1) // 2, whole_panels(3 * channels)
    # For all dy it is one matrix, since the panels of one follow those of another.
    matrix = PackedMatrix(
        flattened(taps), filled_scratch(3 * outputs, float32(0)), features.values.shape[2], 3 * outputs
    )
    strips = -(-(last - first) // greater(STRIP_NUMBERS // (9 * 2 * channels), 1))
    for n in range(strips):
        begin = greater(2 * (first + n * (last - first) // strips), left)
        end = lesser(2 * (first + (n + 1) * (last - first) // strips), right)
        strip, tiles = Rectangle(top, begin, bottom, end), output_tiles(begin, end)
        low, size = input_region_of_fusion(strip, height, width), 2 * tiles * channels
        room = _Room(conv3x3_scratch(conv, tiles), aligned_scratch((low.right - low.left) * 3 * outputs + SLACK),
                     aligned_scratch((_DETAIL + 2) * size + SLACK))  # fmt: skip
        _fuse_strip(detail, conv, features, matrix, shape, strip, room, out, floor)
