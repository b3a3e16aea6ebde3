"""Which parts of a map are needed: cells that are marked, and the rectangles that cover them."""

from collections.abc import Iterable

import numpy as np

from numpy_vitmatte.kernels.covering import join_runs
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
        # With a column on either side in which a run ends.
        self._framed = np.zeros((-(-height // rows), -(-width // columns) + 2), bool)
        self.needed = self._framed[:, 1:-1]

    def mark(self, rectangle: Rectangle) -> None:
        """Mark every cell that a rectangle touches."""
        top, left, bottom, right = rectangle.within((self.height, self.width))
        self.needed[top // self.rows : -(-bottom // self.rows), left // self.columns : -(-right // self.columns)] = True

    def mark_pixels(self, mask: np.ndarray) -> None:
        """Mark every cell that holds a pixel of ``mask`` (height, width)."""
        down = len(self.needed)
        missing = down * self.rows - self.height
        whole = np.pad(mask, ((0, missing), (0, 0))) if missing else mask
        in_rows = whole.reshape(down, self.rows, -1).any(axis=1)
        # Not reshaped once more: over an axis as short as a cell NumPy needs twice the time.
        self.needed |= np.logical_or.reduceat(in_rows, np.arange(0, self.width, self.columns), axis=1)

    def _runs(self) -> np.ndarray:
        """Neighbouring marked cells of every row of cells: an int64 array (runs, 4) of rectangles."""
        rows, edges = np.nonzero(self._framed[:, 1:] != self._framed[:, :-1])  # each row: begin, end, begin, end ...
        tops, lefts, rights = rows[::2] * self.rows, edges[::2] * self.columns, edges[1::2] * self.columns
        bottoms = np.minimum(tops + self.rows, self.height)
        return np.stack([tops, lefts, bottoms, np.minimum(rights, self.width)], axis=1)

    def rectangles(self, tallest: int, widest: int, border: int) -> list[Rectangle]:
        """Cover the marked cells by rectangles of at most ``tallest`` x ``widest`` pixels, or a cell.

        A rectangle costs as much as its area with ``border`` more pixels on each side, which it reads, too. Runs of
        cells along a row join a rectangle above them where that is cheaper, though it may add what is not marked.
        """
        runs = self._runs()
        order = np.empty(len(runs), np.int64)
        kept = order[: join_runs(runs, tallest, border, order)]
        return [part for one in runs[kept].tolist() for part in _cut(Rectangle(*one), widest)]


def area(one: Rectangle) -> int:
    """Pixels of a rectangle."""
    return (one.bottom - one.top) * (one.right - one.left)


def _cut(one: Rectangle, widest: int) -> list[Rectangle]:
    """Parts of nearly the same width, which begin at even columns as a doubled map's pairs do."""
    parts = -(-(one.right - one.left) // widest)
    sides = [one.left + n * (one.right - one.left) // parts // 2 * 2 for n in range(parts)] + [one.right]
    return [Rectangle(one.top, left, one.bottom, right) for left, right in zip(sides, sides[1:], strict=False)]


def bounds(rectangles: Iterable[Rectangle]) -> Rectangle:
    """The smallest rectangle around all."""
    tops, lefts, bottoms, rights = zip(*rectangles, strict=True)
    return Rectangle(min(tops), min(lefts), max(bottoms), max(rights))
