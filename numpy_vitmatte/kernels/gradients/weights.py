"""The gradient of a weight: for each tap of a window a matrix product that sums over pixels.

A weight that took channel ``c`` of the input to output ``n`` has the gradient ``sum over pixels of x[pixel, c] *
dy[pixel, n]``: a product of the transposed input and the gradient. For a convolution there is one for each tap, with
the input moved by the tap. Here the pixels of a channel are neighbors, once for each column of the window. A row of the
window then only moves the place at which the micro-kernel begins, and the image rows are its segments.
"""

from typing import NamedTuple

import numpy as np

from numpy_vitmatte.kernels.elementwise import add
from numpy_vitmatte.kernels.gradients.packing import odd_lines, pack_rows, transpose_to
from numpy_vitmatte.kernels.matmul import PackedMatrix, Rows, Segments, sweep, whole_panels
from numpy_vitmatte.kernels.microkernel import PANEL
from numpy_vitmatte.kernels.views import flattened, view
from numpy_vitmatte.runtime.jit import EXACT_ORDER, INLINED, ZERO, kernel
from numpy_vitmatte.runtime.workspace import aligned_scratch, filled_scratch

float32 = np.float32


class Window(NamedTuple):
    """A square window of ``size`` x ``size`` taps that moves by ``stride``."""

    size: int
    stride: int


class Strip(NamedTuple):
    """Some rows of gradients with the input under their windows, packed.

    Attributes
    ----------
    inputs : float32 array
        For each column of the window and each channel the pixels that it meets, ``input_step`` apart.
    gradients : float32 array
        Pixels in panels of 16 outputs.
    rows, width : int
        Pixels of gradients.
    """

    inputs: np.ndarray
    gradients: np.ndarray
    rows: int
    width: int


@kernel(EXACT_ORDER, INLINED)
def input_step(rows, width, window):
    """Return the step between channels of a strip's input: the pixels of all image rows under its windows."""
    return odd_lines(((rows - 1) * window.stride + window.size) * width)


@kernel(EXACT_ORDER)
def pack_strip(x, y, dy, frame, window, strip, first, last):
    """Fill columns ``first .. last - 1`` of a strip of gradients from row ``y`` on.

    Parameters
    ----------
    x : float32 array (H, W, C)
        The window of gradient (y, x) begins at pixel (stride * y, stride * x).
    y : int
    dy : float32 array (h, w, N)
        Gradient (0, 0) is pixel (frame, frame).
    frame : int
    window : Window
    strip : Strip
    first, last : int
    """
    (size, stride), (_, columns, channels), outputs = window, x.shape, dy.shape[2]
    width, step, count = strip.width, input_step(strip.rows, strip.width, window), last - first
    flat, flat_dy = flattened(x), flattened(dy)
    for row in range((strip.rows - 1) * stride + size):
        for column in range(size):
            begin = ((y * stride + row) * columns + first * stride + column) * channels
            transpose_to(flat, begin, stride * channels, count, channels,
                         strip.inputs, column * channels * step + row * width + first, step)  # fmt: skip
    for row in range(strip.rows):
        begin = ((y + row + frame) * dy.shape[1] + first + frame) * outputs
        pack_rows(flat_dy, begin, outputs, count, outputs,
                  strip.gradients, (row * width + first) * PANEL, strip.rows * width)  # fmt: skip


@kernel(EXACT_ORDER, allocates=True)
def add_weight_gradient(strip, window, row, channels, some, panel, outputs, total):
    """Add the products of a strip to the gradient of one row of taps, for some channels and some outputs.

    Parameters
    ----------
    strip : Strip
    window : Window
    row : int
        Row of the window.
    channels : int
        Channels of the input.
    some : (int, int)
        Of the channels under the columns of the window, one column after the other, ``first .. last - 1`` are computed.
    panel, outputs : int
        So many outputs are computed, from this panel of them on.
    total : Rows
        Row ``tap * channels + c`` has the sums of a tap and a channel, the first of which is the first output.
    """
    (size, stride), (first, last), (values, start, pitch) = window, some, total
    width, step = strip.width, input_step(strip.rows, strip.width, window)
    pixels, count, whole = strip.rows * width, last - first, whole_panels(outputs)
    product, zeros = aligned_scratch(count * whole), filled_scratch(whole, float32(0))
    matrix = PackedMatrix(view(strip.gradients, panel * pixels * PANEL, (pixels * whole,)), zeros, pixels, whole)
    begin = first * step + row * width
    sweep(Rows(strip.inputs, begin, step), count, Segments(strip.rows, stride * width, width), matrix,
          Rows(product, ZERO, whole))  # fmt: skip
    for c in range(count):
        target = start + (row * size * channels + first + c) * pitch
        add(view(values, target, (outputs,)), view(product, c * whole, (outputs,)))
