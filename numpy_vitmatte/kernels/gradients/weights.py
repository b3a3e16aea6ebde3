"""The gradient of a weight: for each tap of a window a matrix product that sums over pixels.

A weight that took channel ``c`` of the input to output ``n`` has the gradient ``sum over pixels of x[pixel, c] *
dy[pixel, n]``: a product of the transposed input and the gradient. For a convolution there is one for each tap, with
the input moved by the tap. Where the pixels of a channel are neighbors, a tap only moves the place at which the
micro-kernel begins, and the image rows are its segments; for a stride of 2, even and odd columns lie apart.
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
        For each column modulo the stride and each channel the rows of that column, ``input_sizes`` apart.
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
def input_sizes(rows, width, window):
    """Return the length of an input row of a strip, and the step between channels."""
    line = width + (window.size - 1) // window.stride
    return line, odd_lines(((rows - 1) * window.stride + window.size) * line)


@kernel(EXACT_ORDER)
def pack_strip(x, y, dy, frame, window, strip):
    """Fill a strip of gradients from row ``y`` on.

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
    """
    (size, stride), (_, columns, channels), outputs = window, x.shape, dy.shape[2]
    line, step = input_sizes(strip.rows, strip.width, window)
    flat, flat_dy = flattened(x), flattened(dy)
    for row in range((strip.rows - 1) * stride + size):
        for phase in range(stride):
            begin = ((y * stride + row) * columns + phase) * channels
            count = min(line, -(-(columns - phase) // stride))
            transpose_to(flat, begin, stride * channels, count, channels,
                         strip.inputs, phase * channels * step + row * line, step)  # fmt: skip
    for row in range(strip.rows):
        begin = ((y + row + frame) * dy.shape[1] + frame) * outputs
        pack_rows(flat_dy, begin, outputs, strip.width, outputs,
                  strip.gradients, row * strip.width * PANEL, strip.rows * strip.width)  # fmt: skip


@kernel(EXACT_ORDER)
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
        The channels ``first .. last - 1`` are computed.
    panel, outputs : int
        So many outputs are computed, from this panel of them on.
    total : Rows
        Row ``tap * channels + c`` has the sums of a tap and a channel, the first of which is the first output.
    """
    (size, stride), (first, last), (values, start, pitch) = window, some, total
    line, step = input_sizes(strip.rows, strip.width, window)
    pixels, count, whole = strip.rows * strip.width, last - first, whole_panels(outputs)
    product, zeros = aligned_scratch(count * whole), filled_scratch(whole, float32(0))
    matrix = PackedMatrix(view(strip.gradients, panel * pixels * PANEL, (pixels * whole,)), zeros, pixels, whole)
    for column in range(size):
        begin = (column % stride * channels + first) * step + row * line + column // stride
        sweep(Rows(strip.inputs, begin, step), count, Segments(strip.rows, stride * line, strip.width), matrix,
              Rows(product, ZERO, whole))  # fmt: skip
        for c in range(count):
            target = start + ((row * size + column) * channels + first + c) * pitch
            add(view(values, target, (outputs,)), view(product, c * whole, (outputs,)))
