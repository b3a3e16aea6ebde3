"""The parts of a map that are needed: cells that are marked, and the rectangles that cover them."""

from collections.abc import Iterable

import numpy as np

from numpy_vitmatte.kernels.rectangle_cover import join_runs
from numpy_vitmatte.kernels.regions import Rectangle


class Cells:
    """A map in cells of ``rows`` x ``columns`` pixels, each needed or not.

    Parameters
    ----------
    height, width : int
        The map.
    rows, columns : int
        A cell; those at the bottom and right may be smaller.
    """

    def __init__(self, height: int, width: int, rows: int, columns: int) -> None:
        self._sides = height, width, rows, columns
        self._needed = np.zeros((-(-height // rows), -(-width // columns)), bool)

    def mark(self, rectangles: np.ndarray) -> None:
        """Mark every cell that any of the rectangles touches: an int64 array (n, 4)."""
        height, width, rows, columns = self._sides
        first = np.maximum(rectangles[:, :2], 0)
        last = np.minimum(rectangles[:, 2:], [height, width])
        cells = np.hstack([first // [rows, columns], -(-last // [rows, columns])])
        for top, left, bottom, right in cells[(first < last).all(axis=1)].tolist():
            self._needed[top:bottom, left:right] = True

    def mark_pixels(self, mask: np.ndarray) -> None:
        """Mark every cell that holds a pixel of ``mask`` (height, width)."""
        (height, width, rows, columns), down = self._sides, len(self._needed)
        missing = down * rows - height
        whole = np.pad(mask, ((0, missing), (0, 0))) if missing else mask
        in_rows = whole.reshape(down, rows, -1).any(axis=1)
        # This is not reshaped once more: NumPy needs twice the time over an axis as short as a cell.
        self._needed |= np.logical_or.reduceat(in_rows, np.arange(0, width, columns), axis=1)

    def rectangles(self, tallest: int, widest: int, halo: int) -> np.ndarray:
        """Cover the marked cells by rectangles of at most ``tallest`` x ``widest`` pixels, or a cell: int64 (n, 4).

        A rectangle costs as much as its area with a halo of ``halo`` pixels on each side, which it reads, too. Runs of
        cells along a row join a rectangle above them where that is cheaper, though it may add unmarked cells.
        """
        runs = self._runs()
        order = np.empty(len(runs), np.int64)
        return cut(runs[order[: join_runs(runs, tallest, halo, order)]], widest)

    def _runs(self) -> np.ndarray:
        """Return neighboring marked cells of every row of cells, as rectangles of pixels: row by row, left to right."""
        height, width, rows, columns = self._sides
        framed = np.zeros((len(self._needed), self._needed.shape[1] + 2), bool)
        framed[:, 1:-1] = self._needed
        row, edge = np.nonzero(framed[:, 1:] != framed[:, :-1])  # each run's first cell, then the cell behind it
        top, left, right = row[::2] * rows, edge[::2] * columns, edge[1::2] * columns
        return np.column_stack([top, left, np.minimum(top + rows, height), np.minimum(right, width)])


def cut(rectangles: np.ndarray, widest: int) -> np.ndarray:
    """Cut rectangles into parts of at most ``widest`` columns, or a cell: int64 (n, 4).

    Parts have nearly the same width and begin at even columns, as a doubled map's pairs do.
    """
    pieces = -(-(rectangles[:, 3] - rectangles[:, 1]) // widest)
    if (pieces == 1).all():
        return rectangles
    top, left, bottom, right = np.repeat(rectangles, pieces, axis=0).T
    count = np.repeat(pieces, pieces)
    number = np.arange(len(count)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    begin = left + number * (right - left) // count // 2 * 2
    end = np.where(number + 1 == count, right, left + (number + 1) * (right - left) // count // 2 * 2)
    return np.column_stack([top, begin, bottom, end])


def area(one: Rectangle) -> int:
    """Count the pixels of a rectangle."""
    return (one.bottom - one.top) * (one.right - one.left)


def bounds(rectangles: Iterable[Rectangle]) -> Rectangle:
    """Return the smallest rectangle around all."""
    tops, lefts, bottoms, rights = zip(*rectangles, strict=True)
    return Rectangle(min(tops), min(lefts), max(bottoms), max(rights))
