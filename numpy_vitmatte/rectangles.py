"""Which parts of a map are needed: cells that are marked, and the rectangles that cover them."""

from collections.abc import Iterable

import numpy as np

from numpy_vitmatte.kernels.pieces import Rectangle


class Cells:
    """A map in cells of ``rows`` x ``columns`` pixels, each needed or not.

    Parameters
    ----------
    height, width : int
        Of the map.
    rows, columns : int
        Of a cell; those at the bottom and right may be smaller.
    """

    def __init__(self, height: int, width: int, rows: int, columns: int) -> None:
        self.height, self.width, self.rows, self.columns = height, width, rows, columns
        self.needed = np.zeros((-(-height // rows), -(-width // columns)), bool)

    def mark(self, rectangle: Rectangle) -> None:
        """Mark every cell that a rectangle touches."""
        top, left, bottom, right = rectangle.within((self.height, self.width))
        self.needed[top // self.rows : -(-bottom // self.rows), left // self.columns : -(-right // self.columns)] = True

    def mark_pixels(self, mask: np.ndarray) -> None:
        """Mark every cell that holds a pixel of ``mask`` (height, width)."""
        rows = np.logical_or.reduceat(mask, np.arange(0, self.height, self.rows), axis=0)
        self.needed |= np.logical_or.reduceat(rows, np.arange(0, self.width, self.columns), axis=1)

    def rectangles(self, widest: int) -> list[Rectangle]:
        """Cover the marked cells: runs of them along each row of cells, cut evenly where wider than ``widest`` pixels."""
        found = []
        for index, row in enumerate(self.needed):
            edges = np.flatnonzero(np.diff(row, prepend=False, append=False))
            top, bottom = index * self.rows, min((index + 1) * self.rows, self.height)
            for first, last in edges.reshape(-1, 2) * self.columns:
                right = min(int(last), self.width)
                parts = -(-(right - int(first)) // widest)
                sides = [int(first) + n * (right - int(first)) // parts // 2 * 2 for n in range(parts)] + [right]
                found += [Rectangle(top, left, bottom, end) for left, end in zip(sides, sides[1:], strict=False)]
        return found


def bounds(rectangles: Iterable[Rectangle]) -> Rectangle:
    """The smallest rectangle around all."""
    tops, lefts, bottoms, rights = zip(*rectangles, strict=True)
    return Rectangle(min(tops), min(lefts), max(bottoms), max(rights))
