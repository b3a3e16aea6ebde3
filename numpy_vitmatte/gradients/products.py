"""Gradients of products: by the input a product again, by the weight a sum over rows or pixels.

Work is cut by shapes alone, and every sum runs in one order, so that the number of threads changes no bit.
"""

import itertools
from typing import NamedTuple

import numpy as np

from numpy_vitmatte.kernels.gradients.packing import odd_lines, pack_block
from numpy_vitmatte.kernels.gradients.weights import Strip, Window, add_weight_gradient, pack_strip
from numpy_vitmatte.kernels.matmul import ROWS_IN_CACHE, PackedMatrix, Rows, linear
from numpy_vitmatte.kernels.microkernel import MR, NR, PANEL, TALL_ROWS
from numpy_vitmatte.runtime.recycling import recycled_empty
from numpy_vitmatte.runtime.threads import even_block, for_each_block
from numpy_vitmatte.runtime.workspace import aligned_empty

CHANNELS, OUTPUTS = 8 * MR, 512
"""The most channels and outputs of a weight whose gradient a thread computes at a time."""

PARTS = 6
"""The least parts of a weight's gradient, unless it is too small: 2, 3 and 6 threads get as many each."""

PIXELS_FLOATS = 1 << 19
"""Numbers of some channels and of a register tile's outputs that a thread reads at a time. The outputs' should stay in
a core's cache; but the taller a strip, the fewer of its rows are packed once more for the strip below."""

STRIPS_FLOATS = 1 << 21
"""Numbers of the strips that are packed at one time, unless one strip has more: they share the last-level cache."""

NUMBERS_PACKED = 1 << 17
"""Numbers of a weight that a thread packs at a time: fewer take less time than another thread needs to wake up."""

STRIP_COLUMNS = 32 * PANEL
"""The most columns of a strip that a thread packs at a time: few, so that a linear layer's single row is shared; but
fewer than an image has would be slower."""

ROWS_PER_SUM = 256
"""Rows that are added up before their sum is."""

ONE_TAP = Window(1, 1)


def linear_rows(x: np.ndarray, matrix: PackedMatrix, out: np.ndarray | None = None) -> np.ndarray:
    """Apply ``linear`` to the rows of x (R, K) on all threads: (R, N)."""
    out = recycled_empty((len(x), matrix.columns)) if out is None else out

    def rows(first: int, last: int) -> None:
        linear(x[first:last], matrix, out[first:last])

    for_each_block(rows, len(x), even_block(len(x), 2 * ROWS_IN_CACHE, MR))
    return out


def pack_stored(weight: np.ndarray) -> PackedMatrix:
    """Pack a stored weight (N, K) as it is: a matrix that takes gradients by outputs to gradients by inputs.

    ``kernels.matmul.pack`` does the same on one thread.
    """
    rows, columns = weight.shape
    panels = aligned_empty(rows * -(-columns // PANEL) * PANEL)

    def some(first: int, last: int) -> None:
        own = np.array(weight[first:last], np.float32, order="C")  # Numba compiles once more for read-only arrays
        pack_block(own, first, rows, panels)

    for_each_block(some, rows, max(1, NUMBERS_PACKED // columns))
    return PackedMatrix(panels, np.zeros(-(-columns // PANEL) * PANEL, np.float32), rows, columns)


def sum_of_rows(x: np.ndarray) -> np.ndarray:
    """Add up the rows of x (R, C) on all threads: the gradient of a bias."""
    parts = np.empty((-(-len(x) // ROWS_PER_SUM), x.shape[1]), np.float32)

    def add_up(first: int, last: int) -> None:
        x[first:last].sum(axis=0, out=parts[first // ROWS_PER_SUM])

    for_each_block(add_up, len(x), ROWS_PER_SUM)
    return parts.sum(axis=0)


class _Part(NamedTuple):
    """A part of a weight's gradient: a row of the window, some channels, and some outputs from a whole panel on."""

    row: int
    channels: tuple[int, int]
    outputs: tuple[int, int]


def _parts_of(rows: int, channels: int, outputs: int) -> list[_Part]:
    """Cut a gradient into parts of nearly the same size: by outputs first, since a part reads all of its channels."""
    sets, groups = -(-channels // CHANNELS), -(-outputs // OUTPUTS)
    while rows * sets * groups < PARTS:
        if groups * NR < outputs:
            groups += 1
        elif sets * TALL_ROWS < channels:
            sets += 1
        else:
            break
    grid = itertools.product(range(rows), _even(channels, sets, TALL_ROWS), _even(outputs, groups, NR))
    return [_Part(*part) for part in grid]


def _even(length: int, number: int, step: int) -> list[tuple[int, int]]:
    """Cut ``range(length)`` into as many ranges of nearly the same size, a multiple of ``step``, or fewer."""
    size = -(-length // (number * step)) * step
    return [(first, min(first + size, length)) for first in range(0, length, size)]


class WeightGradient:
    """The gradient of a weight, to which each image, or each part of it, is added.

    Parameters
    ----------
    inputs, outputs : int
        Channels.
    window : Window
        One tap for a linear layer.

    Attributes
    ----------
    total : float32 array (taps, taps, inputs, outputs)
    """

    def __init__(self, inputs: int, outputs: int, window: Window = ONE_TAP) -> None:
        self.window = window
        self.total = np.zeros((window.size, window.size, inputs, outputs), np.float32)
        wide = window.size * inputs
        self._parts = _parts_of(window.size, wide, outputs)
        self._pixels = min(PIXELS_FLOATS // (min(wide, CHANNELS) + NR), STRIPS_FLOATS // (wide + outputs))

    def add_rows(self, x: np.ndarray, dy: np.ndarray) -> None:
        """Add the rows of a linear layer: x (R, inputs) and dy (R, outputs)."""
        strips = -(-len(x) // self._pixels)
        rows = -(-len(x) // strips)
        for first in range(0, len(x), rows):
            self.add_image(x[None, first : first + rows], dy[None, first : first + rows])

    def add_image(self, x: np.ndarray, dy: np.ndarray, frame: int = 0) -> None:
        """Add the pixels of a convolution.

        Parameters
        ----------
        x : float32 array (H, W, inputs)
            Contiguous; the window of gradient (y, x) begins at pixel (stride * y, stride * x).
        dy : float32 array (h + 2 * frame, w + 2 * frame, outputs)
            Contiguous.
        frame : int
            Pixels around the gradient that are not read.
        """
        height, width = dy.shape[0] - 2 * frame, dy.shape[1] - 2 * frame
        rows, columns = max(1, self._pixels // width), _even(width, -(-width // STRIP_COLUMNS), PANEL)
        strips = self._empty_strips(min(rows, height), width, -(-height // rows))
        for first in range(0, height, rows * len(strips)):
            last = min(first + rows * len(strips), height)
            filled = [
                strip._replace(rows=min(rows, last - y))
                for y, strip in zip(range(first, last, rows), strips, strict=False)
            ]

            def pack(index: int, _: int, first: int = first, filled: list[Strip] = filled) -> None:
                strip, block = divmod(index, len(columns))
                pack_strip(x, first + strip * rows, dy, frame, self.window, filled[strip], *columns[block])

            def multiply(index: int, _: int, filled: list[Strip] = filled) -> None:
                for strip in filled:
                    self._add(strip, self._parts[index])

            for_each_block(pack, len(filled) * len(columns))
            for_each_block(multiply, len(self._parts))

    def _empty_strips(self, rows: int, width: int, wanted: int) -> list[Strip]:
        """Make as many strips as are wanted, or as the cache holds."""
        (size, stride), (_, _, inputs, outputs) = self.window, self.total.shape
        channels = size * inputs * odd_lines(((rows - 1) * stride + size) * width)
        gradients = rows * width * -(-outputs // PANEL) * PANEL
        number = min(wanted, max(1, STRIPS_FLOATS // (channels + gradients)))
        return [Strip(recycled_empty((channels,)), recycled_empty((gradients,)), rows, width) for _ in range(number)]

    def _add(self, strip: Strip, part: _Part) -> None:
        _, _, inputs, outputs = self.total.shape
        first, last = part.outputs
        total = Rows(self.total.reshape(-1), first, outputs)
        add_weight_gradient(strip, self.window, part.row, inputs, part.channels, first // PANEL, last - first, total)
