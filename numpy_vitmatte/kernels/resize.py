"""A 3x3 convolution of a picture beside which a bilinearly doubled one lies, the doubled half done at low resolution.

Convolution and doubling are both linear, so they commute: ``conv3x3(up(F)) = sum over dy, dx of shift(up(F @ W[dy,
dx]), dy, dx)``. The products ``F @ W[dy, dx]`` cost a quarter at low resolution; what is left at high resolution is to
blend, for each output, its nine shifted maps with the fixed weights 1/4 and 3/4.

The blend is done along one axis, then the other. Along an axis each output has six *taps*: for each of the three shifts
the two low-resolution neighbours of the shifted position. Two borders differ: the doubling repeats the edge pixel
(``align_corners=False``), while the convolution sees zeros outside the doubled image, which is a weight of zero here.

Work goes strip by strip and down a strip row by row: the products of three low-resolution rows, all that a row of
outputs reads, then stay in a core's second-level cache.
"""

import numpy as np

from numpy_vitmatte.kernels.jit import EXACT_ORDER, ONE, ZERO, kernel
from numpy_vitmatte.kernels.lanes import LANES, SLACK, add_six_and_relu, blend_six
from numpy_vitmatte.kernels.matmul import sweep
from numpy_vitmatte.kernels.pieces import Piece, Rectangle
from numpy_vitmatte.kernels.winograd import PackedWindow, convolve_two_rows, scratch_of, tiles_of

float32 = np.float32

STRIP_PRODUCTS = 100_000
"""Products of three low-resolution rows that a strip may have, unless it becomes narrower than ``NARROWEST_STRIP``."""
NARROWEST_STRIP = 46
"""Low-resolution columns; the products of one more on either side are computed for the blend, by both neighbours."""


@kernel(EXACT_ORDER)
def _taps(position, length, first, sources, weights):
    """Low-resolution indices and weights of doubled position ``position``, two for each of the shifts -1, 0, 1.

    They are written from ``sources[first]`` and ``weights[first]`` on.
    """
    for shift in range(3):
        shifted = position + shift - 1
        inside = float32(1) if 0 <= shifted < 2 * length else float32(0)
        near = min(max(shifted // 2, 0), length - 1)
        far = near - 1 if shifted % 2 == 0 else near + 1
        n = first + 2 * shift
        sources[n], weights[n] = near, inside * float32(0.75)
        sources[n + 1], weights[n + 1] = min(max(far, 0), length - 1), inside * float32(0.25)


@kernel(EXACT_ORDER)
def rectangle_below(rectangle, height, width):
    """(top, left, bottom, right) that a rectangle of ``fuse``'s outputs reads of a ``height`` x ``width`` picture."""
    top, left, bottom, right = rectangle
    return (max((top - 2) // 2, 0), max((left - 2) // 2, 0),
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
def _blend_down(ring, row, height, size, sources, weights, blended):
    """Sum the six taps of doubled row ``row`` over dy; ``size`` numbers, into ``blended``."""
    _taps(row, height, ZERO, sources, weights)
    flat, step = ring.reshape(-1), ring.shape[2]
    for n in range(6):
        sources[n] = (sources[n] % 3 * 3 + n // 2) * step
    a, b, c, d, e, f = sources
    for k in range(0, size, LANES):
        blend_six(flat, a + k, b + k, c + k, d + k, e + k, f + k, weights, ZERO, blended, k)


@kernel(EXACT_ORDER)
def _taps_across(first, width, left, right, channels):
    """Where in a blended row, which begins at pixel ``first``, the six taps of each column lie, and their weights."""
    sources, weights = np.empty(6 * (right - left), np.int64), np.empty(6 * (right - left), np.float32)
    for x in range(left, right):
        m = 6 * (x - left)
        _taps(x, width, m, sources, weights)
        for n in range(6):
            sources[m + n] = ((sources[m + n] - first) * 3 + n // 2) * channels
    return sources, weights


@kernel(EXACT_ORDER)
def _blend_across(convolved, at, blended, columns, channels, sources, weights, out, start):
    """A row of ``columns`` outputs: add the six taps of ``blended`` to what the detail gives, apply the ReLU."""
    for x in range(columns):
        o, p, m = start + x * channels, at + x * channels, 6 * x
        a, b, c = sources[m], sources[m + 1], sources[m + 2]
        d, e, f = sources[m + 3], sources[m + 4], sources[m + 5]
        whole = channels // LANES * LANES
        for k in range(0, whole, LANES):
            add_six_and_relu(
                convolved, p + k, blended, a + k, b + k, c + k, d + k, e + k, f + k, weights, m, out, o + k
            )
        for k in range(whole, channels):
            total = convolved[p + k]
            for n in range(6):
                total += weights[m + n] * blended[sources[m + n] + k]
            out[o + k] = max(total, float32(0))


@kernel(EXACT_ORDER)
def _fuse_strip(detail, window, features, taps, height, width, strip, out):
    """One strip of ``fuse``."""
    top, left, bottom, right = strip
    channels, tiles = window.columns, tiles_of(left, right)
    low = rectangle_below(strip, height, width)
    columns, outputs = low[3] - low[1], 3 * channels
    ring = np.empty((3, 3, columns * outputs + SLACK), np.float32)
    blended = np.empty(columns * outputs + SLACK, np.float32)
    zeros = np.zeros(outputs + LANES, np.float32)
    sources, weights = np.empty(6, np.int64), np.empty(6, np.float32)
    places, shares = _taps_across(low[1], width, left, right, channels)
    scratch, convolved = scratch_of(window, tiles), np.empty(4 * tiles * channels, np.float32)
    flat = out.values.reshape(-1)
    ready = low[0]  # the next low-resolution row to multiply
    for y in range(top, bottom):
        while ready < min((y + 2) // 2 + 1, height):
            _products(features, ready, low[1], columns, taps, outputs, zeros, ring[ready % 3])
            ready += 1
        if y == top or y % 2 == 0:
            convolve_two_rows(detail, y // 2 * 2, strip, window, scratch, convolved)
        at = (y % 2 * 2 * tiles + left % 2) * channels
        start = ((y - out.top) * out.values.shape[1] + left - out.left) * channels
        _blend_down(ring, y, height, columns * outputs, sources, weights, blended)
        _blend_across(convolved, at, blended, right - left, channels, places, shares, flat, start)


@kernel(EXACT_ORDER)
def _fuse(detail, window, features, taps, height, width, rectangle, out):
    top, left, bottom, right = rectangle
    first, last = left // 2, (right + 1) // 2
    strips = -(-(last - first) // max(STRIP_PRODUCTS // (27 * window.columns), NARROWEST_STRIP))
    for n in range(strips):
        begin = max(2 * (first + n * (last - first) // strips), left)
        end = min(2 * (first + (n + 1) * (last - first) // strips), right)
        _fuse_strip(detail, window, features, taps, height, width, (top, begin, bottom, end), out)


def fuse(
    detail: Piece,
    window: PackedWindow,
    features: Piece,
    taps: np.ndarray,
    shape: tuple[int, int],
    rectangle: Rectangle,
    out: Piece,
) -> None:
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
    _fuse(detail, window, features, taps, shape[0], shape[1], rectangle, out)
