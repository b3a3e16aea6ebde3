"""Rectangles of pixels, and the pieces of large maps that are held in memory at one time.

A map at full resolution need not exist as a whole: a rectangle of outputs reads a slightly larger rectangle of inputs.
Both are tuples that kernels take as they are.
"""

from typing import NamedTuple

import numpy as np

from numpy_vitmatte.kernels.elementwise import copy_run
from numpy_vitmatte.runtime.alignment import aligned_scratch
from numpy_vitmatte.runtime.jit import EXACT_ORDER, ZERO, kernel
from numpy_vitmatte.runtime.workspace import FRESH, Workspace


class Rectangle(NamedTuple):
    """Pixels ``top <= y < bottom``, ``left <= x < right`` of a map."""

    top: int
    left: int
    bottom: int
    right: int

    def grown(self, border: int) -> "Rectangle":
        """With ``border`` more pixels on each side."""
        return grown(self, border)

    def within(self, shape: tuple[int, ...]) -> "Rectangle":
        """What of it lies inside a map of ``shape`` (height, width, ...)."""
        return within(self, shape[0], shape[1])


@kernel(EXACT_ORDER)
def grown(rectangle, border):
    """``Rectangle.grown`` for kernels."""
    top, left, bottom, right = rectangle
    return Rectangle(top - border, left - border, bottom + border, right + border)


@kernel(EXACT_ORDER)
def within(rectangle, height, width):
    """``Rectangle.within`` for kernels."""
    top, left = min(max(rectangle.top, 0), height), min(max(rectangle.left, 0), width)
    return Rectangle(top, left, max(min(rectangle.bottom, height), top), max(min(rectangle.right, width), left))


class Piece(NamedTuple):
    """A rectangle of a map: ``values[0, 0]`` is the map's pixel (top, left). Contiguous float32 (rows, columns, C)."""

    values: np.ndarray
    top: int
    left: int


def whole(values: np.ndarray, border: int = 0) -> Piece:
    """A whole map as a piece; ``border`` zero pixels lie around it."""
    return Piece(values, -border, -border)


def empty_piece(rectangle: Rectangle, channels: int, memory: Workspace = FRESH) -> Piece:
    """A piece to be filled."""
    top, left, bottom, right = rectangle
    return Piece(memory.empty((bottom - top, right - left, channels)), top, left)


def framed_piece(rectangle: Rectangle, channels: int, shape: tuple[int, ...], memory: Workspace = FRESH) -> Piece:
    """A piece to be filled inside a map of ``shape``, zero where ``rectangle`` reaches beyond it."""
    piece = empty_piece(rectangle, channels, memory)
    _clear_frame(piece, shape[0], shape[1])
    return piece


@kernel(EXACT_ORDER)
def _clear(values, first, last):
    own = values[first:last]
    for n in range(own.size):
        own[n] = 0


@kernel(EXACT_ORDER)
def _clear_frame(piece, height, width):
    """Zero where a piece reaches beyond a map of ``height`` x ``width``."""
    rows, columns, channels = piece.values.shape
    top, left, bottom, right = within(
        Rectangle(piece.top, piece.left, piece.top + rows, piece.left + columns), height, width
    )
    flat, row = piece.values.reshape(-1), columns * channels
    _clear(flat, ZERO, (top - piece.top) * row)
    for y in range(top - piece.top, bottom - piece.top):
        _clear(flat, y * row, y * row + (left - piece.left) * channels)
        _clear(flat, y * row + (right - piece.left) * channels, (y + 1) * row)
    _clear(flat, (bottom - piece.top) * row, flat.size)


@kernel(EXACT_ORDER)
def framed_scratch(rectangle, channels, height, width):
    """``framed_piece`` for kernels."""
    rows, columns = rectangle.bottom - rectangle.top, rectangle.right - rectangle.left
    values = aligned_scratch(rows * columns * channels).reshape(rows, columns, channels)
    piece = Piece(values, rectangle.top, rectangle.left)
    _clear_frame(piece, height, width)
    return piece


@kernel(EXACT_ORDER)
def framed_copy(values, rectangle):
    """The pixels of a whole map (H, W, C) under a ``Rectangle``, zeros beyond its border: a ``Piece``."""
    height, width, channels = values.shape
    piece = framed_scratch(rectangle, channels, height, width)
    top, left, bottom, right = within(rectangle, height, width)
    for y in range(top, bottom):
        start = ((y - piece.top) * piece.values.shape[1] + left - piece.left) * channels
        copy_run(values.reshape(-1), (y * width + left) * channels, (right - left) * channels,
                 piece.values.reshape(-1), start)  # fmt: skip
    return piece
