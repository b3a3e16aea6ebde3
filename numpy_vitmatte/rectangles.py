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
        down, across = self.needed.shape
        whole = np.pad(mask, ((0, down * self.rows - self.height), (0, across * self.columns - self.width)))
        in_rows = whole.reshape(down, self.rows, -1).any(axis=1)
        self.needed |= in_rows.reshape(down, across, self.columns).any(axis=2)

    def _runs(self) -> list[list[Rectangle]]:
        """Neighbouring marked cells of every row of cells."""
        framed = np.pad(self.needed, ((0, 0), (1, 1)))
        found: list[list[Rectangle]] = [[] for _ in self.needed]
        rows, edges = np.nonzero(framed[:, 1:] != framed[:, :-1])  # each row: begin, end, begin, end ...
        for row, begin, end in zip(rows[::2].tolist(), edges[::2].tolist(), edges[1::2].tolist(), strict=True):
            bottom, right = min((row + 1) * self.rows, self.height), min(end * self.columns, self.width)
            found[row].append(Rectangle(row * self.rows, begin * self.columns, bottom, right))
        return found

    def rectangles(self, tallest: int, widest: int, border: int) -> list[Rectangle]:
        """Cover the marked cells by rectangles of at most ``tallest`` x ``widest`` pixels, or a cell.

        A rectangle costs as much as its area with ``border`` more pixels on each side, which it reads, too. Runs of
        cells along a row join a rectangle above them where that is cheaper, though it may add what is not marked.
        """
        done: list[Rectangle] = []
        growing: list[Rectangle] = []
        for runs in self._runs():
            joined: list[Rectangle] = []
            while runs:
                run = runs.pop(0)
                for above in growing:
                    if not _worth_joining(above, run, tallest, border):
                        continue
                    together = _around(above, run)
                    others = (*joined, *runs, *growing)
                    if not any(_overlap(together, other) for other in others if other is not above):
                        growing.remove(above)
                        run = together
                        break
                joined.append(run)
            done += growing
            growing = joined
        return [part for one in done + growing for part in _cut(one, widest)]


def area(one: Rectangle) -> int:
    """Pixels of a rectangle."""
    return (one.bottom - one.top) * (one.right - one.left)


def _worth_joining(above: Rectangle, below: Rectangle, tallest: int, border: int) -> bool:
    """Whether one rectangle around both costs no more than the two; plain numbers, as thousands are compared."""
    top, left, middle, right = above
    _, left_below, bottom, right_below = below
    if bottom - top > tallest:
        return False
    more = 2 * border
    together = (bottom - top + more) * (max(right, right_below) - min(left, left_below) + more)
    apart = (middle - top + more) * (right - left + more)
    apart += (bottom - middle + more) * (right_below - left_below + more)
    return together <= apart


def _around(above: Rectangle, below: Rectangle) -> Rectangle:
    """``bounds`` of two of which one lies below the other; plain numbers, as thousands are compared."""
    top, left, _, right = above
    _, left_below, bottom, right_below = below
    return Rectangle(top, min(left, left_below), bottom, max(right, right_below))


def _overlap(one: Rectangle, other: Rectangle) -> bool:
    top, left, bottom, right = one
    other_top, other_left, other_bottom, other_right = other
    return top < other_bottom and other_top < bottom and left < other_right and other_left < right


def _cut(one: Rectangle, widest: int) -> list[Rectangle]:
    """Parts of nearly the same width, which begin at even columns as a doubled map's pairs do."""
    parts = -(-(one.right - one.left) // widest)
    sides = [one.left + n * (one.right - one.left) // parts // 2 * 2 for n in range(parts)] + [one.right]
    return [Rectangle(one.top, left, one.bottom, right) for left, right in zip(sides, sides[1:], strict=False)]


def bounds(rectangles: Iterable[Rectangle]) -> Rectangle:
    """The smallest rectangle around all."""
    tops, lefts, bottoms, rights = zip(*rectangles, strict=True)
    return Rectangle(min(tops), min(lefts), max(bottoms), max(rights))
