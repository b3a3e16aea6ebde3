"""A 3x3 convolution of a picture beside which a bilinearly doubled one lies, the doubled half done at low resolution.

Convolution and doubling are both linear, so they commute: ``conv3x3(up(F)) = sum over dy, dx of shift(up(F @ W[dy, dx]),
dy, dx)``. The products ``F @ W[dy, dx]`` cost a quarter at low resolution; what is left at high resolution is to blend,
for each output, its nine shifted maps with the fixed weights 1/4 and 3/4.

The blend is done along one axis, then the other. Along an axis each output has six *taps*: for each of the three shifts
the two low-resolution neighbours of the shifted position. Two borders differ: the doubling repeats the edge pixel
(``align_corners=False``), while the convolution sees zeros outside the doubled image, which is a weight of zero here.

Work goes strip by strip, ``STRIP`` low-resolution columns wide, and down a strip row by row: the products of three
low-resolution rows, all that a row of outputs reads, then stay in a core's second-level cache.
"""

import numpy as np

from numpy_vitmatte.kernels.jit import EXACT_ORDER, kernel
from numpy_vitmatte.kernels.lanes import LANES, SLACK, add_six_and_relu, blend_six
from numpy_vitmatte.kernels.matmul import sweep

float32 = np.float32

STRIP = 46
"""Low-resolution columns of a strip; with one more on either side that the blend reads, whole tiles of every processor."""


@kernel(EXACT_ORDER)
def _taps(position, length, sources, weights):
    """Low-resolution indices and weights of doubled position ``position``, two for each of the shifts -1, 0, 1."""
    for shift in range(3):
        shifted = position + shift - 1
        inside = float32(1) if 0 <= shifted < 2 * length else float32(0)
        near = min(max(shifted // 2, 0), length - 1)
        far = near - 1 if shifted % 2 == 0 else near + 1
        sources[2 * shift], weights[2 * shift] = near, inside * float32(0.75)
        sources[2 * shift + 1], weights[2 * shift + 1] = min(max(far, 0), length - 1), inside * float32(0.25)


@kernel(EXACT_ORDER)
def _products(features, features_width, top, left, row, first, columns, taps, tap_size, zeros, slot):
    """``slot[dy, j] = F[row, first + j] @ W[dy]`` for ``columns`` pixels: the three columns dx of W side by side."""
    channels, outputs = tap_size[0], tap_size[1]
    start = ((row - top) * features_width + first - left) * channels
    for dy in range(3):
        sweep(features, start, channels, columns, 1, 0, channels, taps[dy], zeros, slot[dy], 0, outputs, outputs)


@kernel(EXACT_ORDER)
def _blend_down(ring, row, height, size, sources, weights, blended):
    """Sum the six taps of doubled row ``row`` over dy; ``size`` numbers, into ``blended``."""
    _taps(row, height, sources, weights)
    flat, step = ring.reshape(-1), ring.shape[2]
    for n in range(6):
        sources[n] = (sources[n] % 3 * 3 + n // 2) * step
    a, b, c, d, e, f = sources
    for k in range(0, size, LANES):
        blend_six(blended, k, flat, a + k, b + k, c + k, d + k, e + k, f + k, weights)


@kernel(EXACT_ORDER)
def _blend_across(blended, first, width, left, right, channels, sources, weights, out, start):
    """Add to the outputs of columns ``left .. right - 1`` their six taps of ``blended``, and apply the ReLU."""
    for x in range(left, right):
        _taps(x, width, sources, weights)
        for n in range(6):
            sources[n] = ((sources[n] - first) * 3 + n // 2) * channels
        a, b, c, d, e, f = sources
        o = start + (x - left) * channels
        whole = channels // LANES * LANES
        for k in range(0, whole, LANES):
            add_six_and_relu(out, o + k, blended, a + k, b + k, c + k, d + k, e + k, f + k, weights)
        for k in range(whole, channels):
            total = out[o + k]
            for n in range(6):
                total += weights[n] * blended[sources[n] + k]
            out[o + k] = max(total, float32(0))


@kernel(EXACT_ORDER)
def _fuse_strip(detail, detail_top, detail_left, weight, bias, features, features_top, features_left, taps,
                height, width, top, left, right, out, out_left):  # fmt: skip
    """Columns ``left .. right - 1`` of ``fuse``."""
    rows, out_width, channels = out.shape
    first, last = max((left - 2) // 2, 0), min((right + 1) // 2 + 1, width)  # low-resolution columns that are read
    columns, outputs = last - first, 3 * channels
    ring = np.empty((3, 3, columns * outputs + SLACK), np.float32)
    blended = np.empty(columns * outputs + SLACK, np.float32)
    zeros = np.zeros(outputs + LANES, np.float32)
    sources, weights = np.empty(6, np.int64), np.empty(6, np.float32)
    flat_detail, flat_features, flat_out = detail.reshape(-1), features.reshape(-1), out.reshape(-1)
    detail_row, depth = detail.shape[1] * detail.shape[2], 3 * detail.shape[2]
    ready = max((top - 2) // 2, 0)  # the next low-resolution row to multiply
    for y in range(top, top + rows):
        while ready < min((y + 2) // 2 + 1, height) and ready < height:
            _products(flat_features, features.shape[1], features_top, features_left, ready, first, columns, taps,
                      (features.shape[2], outputs), zeros, ring[ready % 3])  # fmt: skip
            ready += 1
        start = ((y - top) * out_width + left - out_left) * channels
        corner = (y - 1 - detail_top) * detail_row + (left - 1 - detail_left) * detail.shape[2]
        sweep(flat_detail, corner, detail.shape[2], right - left, 3, detail_row, depth, weight, bias,
              flat_out, start, channels, channels)  # fmt: skip
        _blend_down(ring, y, height, columns * outputs, sources, weights, blended)
        _blend_across(blended, first, width, left, right, channels, sources, weights, flat_out, start)


@kernel(EXACT_ORDER)
def fuse(detail, detail_top, detail_left, weight, bias, features, features_top, features_left, taps,
         height, width, top, left, out):  # fmt: skip
    """``relu(conv3x3(detail) + conv3x3(up2(features)) + bias)`` for a rectangle of outputs.

    Parameters
    ----------
    detail : float32 array (., ., C_detail)
        A piece of the detail map with its first pixel at (detail_top, detail_left), one pixel larger than the rectangle
        on each side; zeros outside the picture.
    weight, bias : packed matrix (9 * C_detail, C), its bias
    features : float32 array (., ., C_in)
        A piece of the low-resolution features with its first pixel at (features_top, features_left): all that the
        rectangle reads, none of it outside the picture.
    taps : float32 array (3, .)
        For each dy the packed matrix (C_in, 3 * C): dx = 0, 1, 2 side by side.
    height, width : int
        The whole low-resolution picture.
    top, left : int
        Place of the rectangle in the doubled picture.
    out : float32 array (rows, columns, C)
        The rectangle, filled.
    """
    right = left + out.shape[1]
    low_left, low_right = left // 2, (right + 1) // 2
    strips = -(-(low_right - low_left) // STRIP)
    for strip in range(strips):
        begin = low_left + strip * (low_right - low_left) // strips
        end = low_left + (strip + 1) * (low_right - low_left) // strips
        _fuse_strip(detail, detail_top, detail_left, weight, bias, features, features_top, features_left, taps,
                    height, width, top, max(2 * begin, left), min(2 * end, right), out, left)  # fmt: skip
