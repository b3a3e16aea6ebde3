"""The parts of a map that are needed: cells that are marked, and the rectangles that cover them."""

from collections.abc import Iterable

import numpy as np

from numpy_vitmatte.kernels.rectangle_cover import cut, join_runs, mark_cells, runs_of_cells
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
        mark_cells(self._needed, *self._sides, rectangles)

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
        runs = runs_of_cells(self._needed, *self._sides)
        order = np.empty(len(runs), np.int64)
        return cut(runs, order[: join_runs(runs, tallest, halo, order)], widest)


def area(one: Rectangle) -> int:
    """Count the pixels of a rectangle."""
    return (one.bottom - one.top) * (one.right - one.left)


def bounds(rectangles: Iterable[Rectangle]) -> Rectangle:
    """Return the smallest rectangle around all."""
    tops, lefts, bottoms, rights = zip(*rectangles, strict=True)
    return Rectangle(min(tops), min(lefts), max(bottoms), max(rights))
