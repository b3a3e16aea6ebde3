"""Rectangles of pixels, and the pieces of large maps that are held in memory at one time.

A map at full resolution need not exist as a whole: a rectangle of outputs reads a slightly larger rectangle of inputs.
Both are tuples that kernels take as they are.
"""

from typing import NamedTuple

import numpy as np

from numpy_vitmatte.kernels.workspace import FRESH, Workspace


class Rectangle(NamedTuple):
    """Pixels ``top <= y < bottom``, ``left <= x < right`` of a map."""

    top: int
    left: int
    bottom: int
    right: int

    def grown(self, border: int) -> "Rectangle":
        """With ``border`` more pixels on each side."""
        return Rectangle(self.top - border, self.left - border, self.bottom + border, self.right + border)

    def moved(self, down: int) -> "Rectangle":
        """The same ``down`` pixels further down."""
        return Rectangle(self.top + down, self.left, self.bottom + down, self.right)

    def within(self, shape: tuple[int, ...]) -> "Rectangle":
        """What of it lies inside a map of ``shape`` (height, width, ...)."""
        top, left = min(max(self.top, 0), shape[0]), min(max(self.left, 0), shape[1])
        return Rectangle(top, left, max(min(self.bottom, shape[0]), top), max(min(self.right, shape[1]), left))


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
    inside = rectangle.within(shape)
    piece.values[: inside.top - rectangle.top] = 0
    piece.values[inside.bottom - rectangle.top :] = 0
    piece.values[:, : inside.left - rectangle.left] = 0
    piece.values[:, inside.right - rectangle.left :] = 0
    return piece


def framed_copy(values: np.ndarray, rectangle: Rectangle) -> Piece:
    """The pixels of a whole map (H, W, C) under ``rectangle``, zeros beyond its border."""
    piece = framed_piece(rectangle, values.shape[2], values.shape)
    top, left, bottom, right = rectangle.within(values.shape)
    inside = piece.values[top - rectangle.top :, left - rectangle.left :]
    inside[: bottom - top, : right - left] = values[top:bottom, left:right]
    return piece
