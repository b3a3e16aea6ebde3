"""Batch norm by the statistics of a batch: sums for them, the norm with a ReLU, and the way back through both.

Factors of channels are *lines*: repeated for every pixel of a row, (W * C,), so that a row of an image is one vector
loop. Sums are lines, too; who calls adds up their pixels.
"""

import numpy as np

from numpy_vitmatte.kernels.elementwise import larger
from numpy_vitmatte.kernels.views import view
from numpy_vitmatte.runtime.jit import EXACT_ORDER, INLINED, kernel

float32 = np.float32


@kernel(EXACT_ORDER, INLINED)
def _start(row, frame, width, channels):
    """Return where a row of an image begins in its frame of ``frame`` pixels."""
    return ((row + frame) * (width + 2 * frame) + frame) * channels


@kernel(EXACT_ORDER, INLINED)
def _add_moments(x, center, sums, squares):
    for k in range(x.size):
        value = x[k] - center[k]
        sums[k] += value
        squares[k] += value * value


@kernel(EXACT_ORDER)
def add_moments(x, center, first, last, sums, squares):
    """Add rows ``first .. last - 1`` of x (H, W, C), less a line, to ``sums``, and their squares to ``squares``."""
    _, width, channels = x.shape
    size = width * channels
    for row in range(first, last):
        _add_moments(view(x, row * size, (size,)), center, sums, squares)


@kernel(EXACT_ORDER, INLINED)
def _scale(x, gain, shift, out):
    for k in range(x.size):
        out[k] = larger(x[k] * gain[k] + shift[k], float32(0))


@kernel(EXACT_ORDER)
def normalize_relu(x, gain, shift, frame, first, last, out):
    """Set ``out = max(x * gain + shift, 0)`` in rows ``first .. last - 1``.

    Parameters
    ----------
    x : float32 array (H, W, C)
    gain, shift : lines
    frame, first, last : int
    out : float32 array (H + 2 * frame, W + 2 * frame, C)
    """
    _, width, channels = x.shape
    size = width * channels
    for row in range(first, last):
        target = view(out, _start(row, frame, width, channels), (size,))
        _scale(view(x, row * size, (size,)), gain, shift, target)


@kernel(EXACT_ORDER, INLINED)
def _mask(dy, x, lines, sums, products):
    gain, shift, mean = lines
    for k in range(x.size):
        value = dy[k] if x[k] * gain[k] + shift[k] > float32(0) else float32(0)
        dy[k] = value
        sums[k] += value
        products[k] += value * (x[k] - mean[k])


@kernel(EXACT_ORDER)
def mask_and_add(dy, x, lines, frame, first, last, sums, products):
    """Go back through the ReLU of ``normalize_relu`` in rows ``first .. last - 1``.

    Parameters
    ----------
    dy : float32 array (H + 2 * frame, W + 2 * frame, C)
        Set to zero where the ReLU gave zero.
    x : float32 array (H, W, C)
    lines : (line, line, line)
        Gain, shift, and the mean of x.
    frame, first, last : int
    sums, products : lines
        What is left of dy is added to the first, times ``x - mean`` to the second.
    """
    _, width, channels = x.shape
    size = width * channels
    for row in range(first, last):
        own = view(dy, _start(row, frame, width, channels), (size,))
        _mask(own, view(x, row * size, (size,)), lines, sums, products)


@kernel(EXACT_ORDER, INLINED)
def _combine(d, x, lines, out):
    gain, slope, mean, level = lines
    for k in range(x.size):
        out[k] = gain[k] * d[k] - slope[k] * (x[k] - mean[k]) - level[k]


@kernel(EXACT_ORDER)
def through_statistics(d, x, lines, frame, first, last, out):
    """Go back through a norm whose mean and deviation depend on x: ``out = gain d - slope (x - mean) - level``.

    Parameters
    ----------
    d : float32 array (H + 2 * frame, W + 2 * frame, C)
    x : float32 array (H, W, C)
    lines : (line, line, line, line)
        Gain, slope, mean, level.
    frame, first, last : int
    out : float32 array (H + 2, W + 2, C)
        The rows are filled, but for a frame of one pixel; may be ``d``.
    """
    _, width, channels = x.shape
    size = width * channels
    for row in range(first, last):
        own = view(d, _start(row, frame, width, channels), (size,))
        _combine(own, view(x, row * size, (size,)), lines, view(out, _start(row, 1, width, channels), (size,)))
