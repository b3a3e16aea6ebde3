"""Rectangles of pixels, and the pieces of large maps that are held in memory at one time.

A map at full resolution need not exist as a whole: a rectangle of outputs reads a slightly larger rectangle of inputs,
its *input region*. The extra pixels on each side are called the *halo*; outside the map it is zero. Rectangles and
pieces are tuples that kernels take as they are.
"""

from typing import NamedTuple

import numpy as np

from numpy_vitmatte.kernels.elementwise import copy_run
from numpy_vitmatte.kernels.integers import greater, lesser
from numpy_vitmatte.kernels.views import flattened, view
from numpy_vitmatte.runtime.jit import CALLED, EXACT_ORDER, INLINED, ZERO, kernel
from numpy_vitmatte.runtime.workspace import FRESH, Workspace, aligned_scratch


class Rectangle(NamedTuple):
    """Pixels ``top <= y < bottom``, ``left <= x < right`` of a map."""

    top: int
    left: int
    bottom: int
    right: int

    def expanded(self, halo: int) -> "Rectangle":
        """Return the rectangle with ``halo`` more pixels on each side."""
        return expanded(self, halo)

    def clipped(self, shape: tuple[int, ...]) -> "Rectangle":
        """Return the part of it that lies inside a map of ``shape`` (height, width, ...)."""
        return clipped(self, shape[0], shape[1])


@kernel(EXACT_ORDER, INLINED)
def expanded(rectangle, halo):
    """Apply ``Rectangle.expanded`` for kernels."""
    top, left, bottom, right = rectangle
    return Rectangle(top - halo, left - halo, bottom + halo, right + halo)


@kernel(EXACT_ORDER, INLINED)
def clipped(rectangle, height, width):
    """Apply ``Rectangle.clipped`` for kernels."""
    top, left = lesser(greater(rectangle.top, 0), height), lesser(greater(rectangle.left, 0), width)
    return Rectangle(
        top, left, greater(lesser(rectangle.bottom, height), top), greater(lesser(rectangle.right, width), left)
    )


class Piece(NamedTuple):
    """A rectangle of a map: ``values[0, 0]`` is the map's pixel (top, left). Contiguous float32 (rows, columns, C)."""

    values: np.ndarray
    top: int
    left: int


def whole(values: np.ndarray, halo: int = 0) -> Piece:
    """Return a whole map as a piece; the outermost ``halo`` pixels of ``values`` lie outside the map."""
    return Piece(values, -halo, -halo)


def empty_piece(rectangle: Rectangle, channels: int, memory: Workspace = FRESH) -> Piece:
    """Make a piece to be filled."""
    top, left, bottom, right = rectangle
    return Piece(memory.empty((bottom - top, right - left, channels)), top, left)


def zero_padded_piece(rectangle: Rectangle, channels: int, shape: tuple[int, ...], memory: Workspace = FRESH) -> Piece:
    """Make a piece to be filled inside a map of ``shape``; it is zero where ``rectangle`` reaches outside."""
    piece = empty_piece(rectangle, channels, memory)
    _clear_outside(piece, shape[0], shape[1])
    return piece


@kernel(EXACT_ORDER, CALLED)
def _clear(values, first, last):
    # Where a piece lies outside the map as a whole, some of the bounds do not lie in it.
    first = greater(first, 0)
    own = view(values, first, (lesser(last, values.size) - first,))
    for n in range(own.size):
        own[n] = 0


@kernel(EXACT_ORDER)
def _clear_outside(piece, height, width):
    """Fill with zeros the part of a piece that lies outside a map of ``height`` x ``width``."""
    rows, columns, channels = piece.values.shape
    top, left, bottom, right = clipped(
        Rectangle(piece.top, piece.left, piece.top + rows, piece.left + columns), height, width
    )
    flat, row = flattened(piece.values), columns * channels
    _clear(flat, ZERO, (top - piece.top) * row)
    for y in range(top - piece.top, bottom - piece.top):
        _clear(flat, y * row, y * row + (left - piece.left) * channels)
        _clear(flat, y * row + (right - piece.left) * channels, (y + 1) * row)
    _clear(flat, (bottom - piece.top) * row, flat.size)


@kernel(EXACT_ORDER, CALLED, allocates=True)
def zero_padded_scratch(rectangle, channels, height, width):
    """Apply ``zero_padded_piece`` for kernels."""
    rows, columns = rectangle.bottom - rectangle.top, rectangle.right - rectangle.left
    values = view(aligned_scratch(rows * columns * channels), ZERO, (rows, columns, channels))
    piece = Piece(values, rectangle.top, rectangle.left)
    _clear_outside(piece, height, width)
    return piece


@kernel(EXACT_ORDER, CALLED, allocates=True)
def zero_padded_copy(values, rectangle):
    """Copy the pixels of a whole map (H, W, C) under a ``Rectangle`` to a ``Piece``, zeros outside the map."""
    height, width, channels = values.shape
    piece = zero_padded_scratch(rectangle, channels, height, width)
    top, left, bottom, right = clipped(rectangle, height, width)
    source, target = flattened(values), flattened(piece.values)
    for y in range(top, bottom):
        start = ((y - piece.top) * piece.values.shape[1] + left - piece.left) * channels
        copy_run(source, (y * width + left) * channels, (right - left) * channels,
                 target, start)  # fmt: skip
    return piece
