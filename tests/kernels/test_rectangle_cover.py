"""Runs of cells joined to rectangles, against what joining promises. Whole maps: tests/network/test_needed_cells.py."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from numpy_vitmatte.kernels.rectangle_cover import join_runs

masks = arrays(bool, array_shapes(min_dims=2, max_dims=2, max_side=12))


def runs_of(mask):
    """Runs of marked pixels, row by row."""
    found = []
    for y, row in enumerate(mask):
        framed = np.concatenate([[False], row, [False]])
        edges = np.flatnonzero(framed[1:] != framed[:-1])
        found += [(y, left, y + 1, right) for left, right in edges.reshape(-1, 2)]
    return np.array(found, np.int64).reshape(-1, 4)


def joined(runs, tallest, halo):
    """The rectangles that are left, in order."""
    rectangles, order = runs.copy(), np.full(len(runs), -7)
    return rectangles[order[: join_runs(rectangles, tallest, halo, order)]]


def cost(rectangles, halo):
    """Areas with a halo on each side."""
    top, left, bottom, right = np.asarray(rectangles).T
    return int(((bottom - top + 2 * halo) * (right - left + 2 * halo)).sum())


@given(mask=masks, tallest=st.integers(1, 12), halo=st.integers(0, 4))
def test_all_is_covered_once_at_no_higher_cost(mask, tallest, halo):
    """Each marked pixel lies in one rectangle, none in two, and all together cost no more than the runs did."""
    runs = runs_of(mask)
    found = joined(runs, tallest, halo)
    times = np.zeros(mask.shape, int)
    for top, left, bottom, right in found:
        assert 0 < bottom - top <= max(tallest, 1)
        times[top:bottom, left:right] += 1
    assert times.max() <= 1
    assert (times[mask] == 1).all()
    assert cost(found, halo) <= cost(runs, halo)


def test_no_rectangle_reaches_over_a_finished_one():
    """The last row would be cheaper with the rectangle above it, but both together would hold the single pixel, too."""
    mask = np.array([[1, 1, 0, 0, 1], [1, 1, 0, 0, 0], [1, 1, 1, 1, 1]], bool)
    np.testing.assert_array_equal(joined(runs_of(mask), 12, 4), [[0, 4, 1, 5], [0, 0, 2, 2], [2, 0, 3, 5]])


@given(mask=masks)
def test_without_a_halo_nothing_is_added(mask):
    """A rectangle of more than was marked would cost more than its runs."""
    assert cost(joined(runs_of(mask), 12, 0), 0) == mask.sum()


def test_a_staircase_by_hand():
    """Runs of 4 pixels, each one further to the right, with a halo of 1: cost of one rectangle, and of two.

    Two rows (2+2)(5+2) = 28 and 18 + 18; three rows (3+2)(6+2) = 40 and 28 + 18; four (4+2)(7+2) = 54 and 40 + 18.
    """
    runs = np.array([(y, y, y + 1, y + 4) for y in range(4)], np.int64)
    assert joined(runs, 4, 1).tolist() == [[0, 0, 4, 7]]
    assert joined(runs, 3, 1).tolist() == [[0, 0, 3, 6], [3, 3, 4, 7]]


def test_an_empty_row_keeps_apart():
    """Two equal runs join if they touch and not across a row that has none."""
    near, far = [(0, 0, 1, 4), (1, 0, 2, 4)], [(0, 0, 1, 4), (2, 0, 3, 4)]
    assert len(joined(np.array(near, np.int64), 9, 3)) == 1
    assert joined(np.array(far, np.int64), 9, 3).tolist() == [list(run) for run in far]


def test_a_run_in_the_way_is_not_overlapped():
    """The short run right of the lower one would lie inside the rectangle around lower and upper."""
    runs = np.array([(0, 0, 1, 9), (1, 0, 2, 5), (1, 7, 2, 9)], np.int64)
    assert sorted(joined(runs, 9, 3).tolist()) == runs.tolist()
