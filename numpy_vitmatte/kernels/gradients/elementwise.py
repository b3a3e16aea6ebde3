"""Gradients of ReLU, GELU and of the normalization of rows."""

import numpy as np

from numpy_vitmatte.kernels.elementwise import add
from numpy_vitmatte.kernels.polynomials import exponential, normal_distribution
from numpy_vitmatte.kernels.views import flattened, view
from numpy_vitmatte.runtime.jit import EXACT_ORDER, INLINED, VECTOR_REDUCTION, ZERO, kernel
from numpy_vitmatte.runtime.workspace import filled_scratch

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


@kernel(EXACT_ORDER, INLINED)
def _pixel_backward(dlogit, weight, hidden, out, by_bias, by_weight):
    """Go back from a pixel's logit to the channels before a ReLU, and add to the sums over pixels."""
    for c in range(weight.size):
        value = dlogit * weight[c] if hidden[c] > float32(0) else float32(0)
        out[c] = value
        by_bias[c] += value
        by_weight[c] += dlogit * hidden[c]


@kernel(EXACT_ORDER, allocates=True)
def sigmoid_of_product_backward(dlogit, weight, hidden, first, last, out, sums):
    """Go back through ``sigmoid_of_product`` and the ReLU before it, in rows ``first .. last - 1`` of an image.

    Parameters
    ----------
    dlogit : float32 array (H, W)
        Gradient before the sigmoid.
    weight : float32 array (C,)
    hidden : float32 array (H, W, C)
        The result of the ReLU.
    first, last : int
    out : float32 array (H + 2, W + 2, C)
        The rows are filled with the gradient before the ReLU, but for a frame of one pixel.
    sums : float32 array (2, C)
        Sums over pixels are added: of ``out``, and the gradient by the weight.
    """
    _, width, channels = hidden.shape
    own_sums = filled_scratch(2 * channels, float32(0))  # threads write to their sums in turn, not to the same lines
    by_bias, by_weight = view(own_sums, ZERO, (channels,)), view(own_sums, channels, (channels,))
    for row in range(first, last):
        for x in range(width):
            own = view(hidden, (row * width + x) * channels, (channels,))
            target = view(out, ((row + 1) * (width + 2) + x + 1) * channels, (channels,))
            _pixel_backward(dlogit[row, x], weight, own, target, by_bias, by_weight)
    add(flattened(sums), own_sums)


@kernel(EXACT_ORDER)
def gelu_backward(dy, x):
    """Set ``dy = dy * (P(x) + x p(x))``, then ``x = gelu(x) = x P(x)``.

    P is the normal distribution and p its density. Both arrays (any size,) are changed.
    """
    for i in range(x.size):
        here = x[i]
        below = normal_distribution(here)
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
