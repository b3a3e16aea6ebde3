"""A 3x3 convolution of a picture beside which a bilinearly doubled one lies, the doubled half done at low resolution.

Convolution and doubling are both linear, so they commute: ``conv3x3(up(F)) = sum over dy, dx of shift(up(F @ W[dy,
dx]), dy, dx)``. The products ``F @ W[dy, dx]`` cost a quarter at low resolution; what is left at high resolution is to
blend, for each output, its nine shifted maps with the fixed weights 1/4 and 3/4.

The blend is done along one axis, then the other (``blend.py``), for two outputs at a time.

Work goes strip by strip and down a strip row by row: the products of three low-resolution rows, all that a row of
outputs reads, then stay in a core's second-level cache.
"""

import numpy as np

from numpy_vitmatte.kernels.blend import add_pixels, blend_rows
from numpy_vitmatte.kernels.elementwise import copy_run
from numpy_vitmatte.kernels.matmul import sweep, whole_panels
from numpy_vitmatte.kernels.regions import Rectangle
from numpy_vitmatte.kernels.vectors import SLACK
from numpy_vitmatte.kernels.winograd import convolve_two_rows, scratch_of, tiles_of
from numpy_vitmatte.runtime.alignment import aligned_scratch
from numpy_vitmatte.runtime.jit import EXACT_ORDER, ONE, ZERO, kernel

float32 = np.float32

STRIP_PRODUCTS = 100_000
"""Products of three low-resolution rows that a strip may have, unless it becomes narrower than ``NARROWEST_STRIP``."""
NARROWEST_STRIP = 46
"""Low-resolution columns; the products of one more on either side are computed for the blend, by both neighbours."""


@kernel(EXACT_ORDER)
def rectangle_below(rectangle, height, width):
    """The ``Rectangle`` that a rectangle of ``fuse``'s outputs reads of a ``height`` x ``width`` picture."""
    top, left, bottom, right = rectangle
    return Rectangle(max((top - 2) // 2, 0), max((left - 2) // 2, 0),
                     min((bottom + 1) // 2 + 1, height), min((right + 1) // 2 + 1, width))  # fmt: skip


@kernel(EXACT_ORDER)
def _products(features, row, first, columns, taps, outputs, zeros, slot):
    """``slot[dy, j] = F[row, first + j] @ W[dy]`` for ``columns`` pixels: the three columns dx of W side by side."""
    channels = features.values.shape[2]
    start = ((row - features.top) * features.values.shape[1] + first - features.left) * channels
    flat = features.values.reshape(-1)
    for dy in range(3):
        sweep(flat, start, channels, columns, ONE, ZERO, channels, taps[dy], zeros, slot[dy], ZERO, outputs, outputs)


@kernel(EXACT_ORDER)
def _blend_down(ring, row, height, blended):
    """Doubled rows ``2 * row`` and ``2 * row + 1``, summed over dy, one after the other."""
    size, before, after = ring.shape[2], max(row - 1, 0), min(row + 1, height - 1)
    blend_rows(ring.reshape(-1), before % 3 * 3 * size, row % 3 * 3 * size, after % 3 * 3 * size, size,
               float32(row > 0), float32(row < height - 1), size, blended, ZERO)  # fmt: skip


@kernel(EXACT_ORDER)
def _blend_across(blended, start, first, last, width, outputs, channels, out, o):
    """Add a row of doubled pixels, summed over dx, to ``out``, from low-resolution column ``first`` on."""
    for column in range(first, last):
        before, after = start + max(column - 1, 0) * outputs, start + min(column + 1, width - 1) * outputs
        add_pixels(blended, before, start + column * outputs, after, channels, float32(column > 0),
                   float32(column < width - 1), channels, out, o + 2 * (column - first) * channels)  # fmt: skip


@kernel(EXACT_ORDER)
def _fuse_strip(detail, window, features, taps, height, width, strip, out):
    """One strip of ``fuse``: two rows of outputs at a time, from an even column on."""
    top, left, bottom, right = strip
    channels, first, tiles = window.columns, left // 2, tiles_of(left, right)
    low = rectangle_below(strip, height, width)
    columns, outputs = low[3] - low[1], whole_panels(3 * channels)
    ring = aligned_scratch(9 * columns * outputs).reshape(3, 3, columns * outputs)
    blended = aligned_scratch(2 * columns * outputs + SLACK)
    zeros = np.zeros(outputs, np.float32)
    step = 2 * tiles * channels
    scratch, both = scratch_of(window, tiles), aligned_scratch(2 * step + SLACK)
    flat = out.values.reshape(-1)
    ready = low[0]  # the next low-resolution row to multiply
    for row in range(top // 2, (bottom + 1) // 2):
        while ready < min(row + 2, height):
            _products(features, ready, low[1], columns, taps, outputs, zeros, ring[ready % 3])
            ready += 1
        convolve_two_rows(detail, 2 * row, strip, window, scratch, both)
        _blend_down(ring, row, height, blended)
        for y in range(max(2 * row, top), min(2 * row + 2, bottom)):
            n = y - 2 * row
            _blend_across(blended, (n * columns - low[1]) * outputs, first, first + tiles, width, outputs, channels,
                          both, n * step)  # fmt: skip
            start = ((y - out.top) * out.values.shape[1] + left - out.left) * channels
            copy_run(both, n * step + left % 2 * channels, (right - left) * channels, flat, start)


@kernel(EXACT_ORDER)
def fuse(detail, window, features, taps, shape, rectangle, out):
    """``relu(conv3x3(detail) + conv3x3(up2(features)) + bias)`` for a rectangle of outputs.

    Parameters
    ----------
    detail : Piece
        Of the detail map, one pixel larger than the rectangle on each side; zeros outside the picture.
    window : PackedWindow
        Of the detail map, C_detail to C channels, with the bias.
    features : Piece
        Of the low-resolution features: all of ``rectangle_below``.
    taps : float32 array (3, .)
        For each dy the packed matrix (C_in, 3 * C): dx = 0, 1, 2 side by side.
    shape : (int, int)
        Height and width of the whole low-resolution picture.
    rectangle : Rectangle
        Of the doubled picture.
    out : Piece
        Of the doubled picture, C channels; the rectangle is filled.
    """
    top, left, bottom, right = rectangle
    first, last = left // 2, (right + 1) // 2
    strips = -(-(last - first) // max(STRIP_PRODUCTS // (27 * window.columns), NARROWEST_STRIP))
    for n in range(strips):
        begin = max(2 * (first + n * (last - first) // strips), left)
        end = min(2 * (first + (n + 1) * (last - first) // strips), right)
        _fuse_strip(detail, window, features, taps, shape[0], shape[1],
                    Rectangle(top, begin, bottom, end), out)  # fmt: skip
