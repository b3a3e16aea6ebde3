"""Gradients of ReLU, GELU and of the normalization of rows."""

import numpy as np

from numpy_vitmatte.kernels.elementwise import error_function, exponential
from numpy_vitmatte.kernels.views import view
from numpy_vitmatte.runtime.jit import EXACT_ORDER, INLINED, VECTOR_REDUCTION, kernel

float32 = np.float32


@kernel(EXACT_ORDER, INLINED)
def _masked_line(dy, y, out, sums):
    """Set ``out`` to dy where y is above zero, to zero elsewhere, and add it to ``sums``."""
    for k in range(dy.size):
        value = dy[k] if y[k] > float32(0) else float32(0)
        out[k] = value
        sums[k] += value


@kernel(EXACT_ORDER)
def relu_backward(dy, y, frame, first, last, out, sums):
    """Go back through a ReLU in rows ``first .. last - 1`` of an image.

    Parameters
    ----------
    dy : float32 array (H, W, C)
    y : float32 array (H + 2 * frame, W + 2 * frame, C)
        The result of the ReLU.
    frame : int
        Pixels around y that are not read.
    first, last : int
    out : float32 array (H + 2, W + 2, C)
        The rows are filled, but for a frame of one pixel.
    sums : float32 array (W * C,)
        The rows are added to it.
    """
    _, width, channels = dy.shape
    size = width * channels
    for row in range(first, last):
        source = ((row + frame) * (width + 2 * frame) + frame) * channels
        target = ((row + 1) * (width + 2) + 1) * channels
        _masked_line(view(dy, row * size, (size,)), view(y, source, (size,)), view(out, target, (size,)), sums)


@kernel(EXACT_ORDER)
def gelu_backward(dy, x):
    """Set ``dy = dy * (P(x) + x p(x))``, then ``x = gelu(x) = x P(x)``.

    P is the normal distribution and p its density. Both arrays (any size,) are changed.
    """
    for i in range(x.size):
        here = x[i]
        below = float32(0.5) + float32(0.5) * error_function(here * float32(0.7071067811865476))
        density = exponential(float32(-0.5) * here * here) * float32(0.3989422804014327)
        dy[i] *= below + here * density
        x[i] = here * below


@kernel(VECTOR_REDUCTION)
def normalize_backward(dy, x, weight, epsilon, dx, dweight, dbias):
    """Go back through ``normalize``: add to the gradients by its input, weight and bias.

    Parameters
    ----------
    dy, x : float32 arrays (rows, C)
    weight : float32 array (C,)
    epsilon : float
    dx : float32 array (rows, C)
    dweight, dbias : float32 arrays (C,)
    """
    rows, channels = x.shape
    share = float32(1) / float32(channels)
    for i in range(rows):
        total = float32(0)
        for c in range(channels):
            total += x[i, c]
        mean = total * share
        squares = float32(0)
        for c in range(channels):
            squares += (x[i, c] - mean) * (x[i, c] - mean)
        scale = float32(1) / np.sqrt(squares * share + float32(epsilon))
        level, slope = float32(0), float32(0)
        for c in range(channels):
            level += dy[i, c] * weight[c]
            slope += dy[i, c] * weight[c] * (x[i, c] - mean)
        level, slope = level * share, slope * share * scale * scale
        for c in range(channels):
            dx[i, c] += (dy[i, c] * weight[c] - level - (x[i, c] - mean) * slope) * scale
        for c in range(channels):
            dweight[c] += dy[i, c] * ((x[i, c] - mean) * scale)
        for c in range(channels):
            dbias[c] += dy[i, c]
