"""Runs of cells along rows, joined downwards to rectangles where that is cheaper.

Rectangles are rows (top, left, bottom, right) of int64 arrays (n, 4).
"""

import numpy as np

from numpy_vitmatte.kernels.integers import greater, lesser
from numpy_vitmatte.kernels.views import view
from numpy_vitmatte.runtime.jit import CALLED, EXACT_ORDER, INLINED, ZERO, kernel

_TAKEN_IN = np.int64(-1)


@kernel(EXACT_ORDER, INLINED)
def _corners(rectangles, number):
    return rectangles[number, 0], rectangles[number, 1], rectangles[number, 2], rectangles[number, 3]


@kernel(EXACT_ORDER, INLINED)
def _worth_joining(upper, lower, tallest, halo):
    """Say whether one rectangle around both costs no more than the two."""
    top, left, middle, right = upper
    _, lower_left, bottom, lower_right = lower
    if bottom - top > tallest:
        return False
    more = 2 * halo
    together = (bottom - top + more) * (greater(right, lower_right) - lesser(left, lower_left) + more)
    apart = (middle - top + more) * (right - left + more) + (bottom - middle + more) * (lower_right - lower_left + more)
    return together <= apart


@kernel(EXACT_ORDER, CALLED)
def _overlaps_another(one, rectangles, numbers, upper, lower):
    """Say whether ``one`` overlaps any rectangle of ``numbers`` but the two that it was made of."""
    top, left, bottom, right = one
    for number in numbers:
        if number != upper and number != lower and number != _TAKEN_IN:
            other_top, other_left, other_bottom, other_right = _corners(rectangles, number)
            if top < other_bottom and other_top < bottom and left < other_right and other_left < right:
                return True
    return False


@kernel(EXACT_ORDER, CALLED)
def _join_row(rectangles, numbers, done, first, tallest, halo):
    """Let each of the runs ``numbers[first:]`` take in a rectangle just above, the first that is worth it.

    Those rectangles are ``numbers[done:first]``, and end where the runs begin. The number of one that is taken in is
    overwritten. Those before are finished, but a rectangle that becomes wider may meet one of them further up.
    """
    for n in range(first, numbers.size):
        lower = numbers[n]
        run = _corners(rectangles, lower)
        for place in range(done, first):
            if numbers[place] == _TAKEN_IN:
                continue
            above = _corners(rectangles, numbers[place])
            together = above[0], lesser(above[1], run[1]), run[2], greater(above[3], run[3])
            if _worth_joining(above, run, tallest, halo) and not _overlaps_another(
                together, rectangles, numbers, numbers[place], lower
            ):
                for side in range(4):
                    rectangles[lower, side] = together[side]
                numbers[place] = _TAKEN_IN
                break


@kernel(EXACT_ORDER)
def join_runs(rectangles, tallest, halo, order):
    """Join runs of cells downwards to rectangles where one is no dearer than two: each costs its area with the halo.

    A joined rectangle may add cells that are not marked, but overlaps no other.

    Parameters
    ----------
    rectangles : int64 array (runs, 4)
        Top, left, bottom and right of each run, row of cells by row of cells; some of them become the joined ones.
    tallest : int
        Rows that a joined rectangle may have.
    halo : int
        Pixels on each side that a rectangle reads in addition to its own.
    order : int64 array (runs,)
        Filled with the numbers of the rectangles that are left, in the order in which they were finished.

    Returns
    -------
    int
        The number of rectangles that are left.
    """
    done, end, first = ZERO, ZERO, ZERO  # order[:done] is finished, order[done:end] ends at the last row of cells
    while first < len(rectangles):
        last = first
        while last < len(rectangles) and rectangles[last, 0] == rectangles[first, 0]:
            order[end + last - first] = last
            last += 1
        if done < end and rectangles[order[done], 2] < rectangles[first, 0]:
            done = end  # nothing is marked in the row above
        _join_row(rectangles, view(order, ZERO, (end + last - first,)), done, end, tallest, halo)
        kept = done
        for n in range(done, end + last - first):
            order[kept] = order[n]
            kept += order[n] != _TAKEN_IN
        done, end, first = kept - (last - first), kept, last
    return end
