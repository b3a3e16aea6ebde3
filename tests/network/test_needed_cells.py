"""Cells and the rectangles that cover them: every marked pixel once, none too large."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from numpy_vitmatte.kernels.regions import Rectangle
from numpy_vitmatte.network.needed_cells import Cells, area, bounds

masks = arrays(bool, array_shapes(min_dims=2, max_dims=2, max_side=20))


@given(
    mask=masks, rows=st.integers(1, 5), columns=st.integers(1, 5), tallest=st.integers(5, 12), widest=st.integers(6, 9)
)
def test_every_marked_pixel_lies_in_exactly_one_rectangle(mask, rows, columns, tallest, widest):
    """Also where rectangles were joined and cut."""
    cells = Cells(*mask.shape, rows, columns)
    cells.mark_pixels(mask)
    times = np.zeros(mask.shape, int)
    for top, left, bottom, right in cells.rectangles(tallest, widest, 1):
        assert top < bottom <= mask.shape[0]
        assert left < right <= mask.shape[1]
        assert bottom - top <= tallest
        assert right - left <= widest + 1
        times[top:bottom, left:right] += 1
    assert times.max(initial=0) <= 1
    assert (times[mask] == 1).all()


def test_nothing_marked_is_nothing_to_compute():
    assert Cells(9, 9, 2, 2).rectangles(4, 4, 1).shape == (0, 4)


def test_a_full_map_is_cut_evenly():
    """20 rows at most 8: the third is what is left; 30 columns at most 16: two halves, begun at an even column."""
    cells = Cells(20, 30, 4, 4)
    cells.mark(np.array([(-5, -5, 50, 50)]))
    found = cells.rectangles(8, 16, 1)
    assert sorted(found.tolist()) == [[t, x, min(t + 8, 20), r] for t in (0, 8, 16) for x, r in ((0, 14), (14, 30))]


def test_far_runs_stay_apart_and_near_ones_join():
    """Two cells under each other join; one at the other end of the map does not join them."""
    cells = Cells(8, 100, 4, 4)
    cells.mark(np.array([(0, 0, 1, 1), (4, 0, 5, 1)]))
    cells.mark(np.array([(4, 96, 5, 97)]))
    assert sorted(cells.rectangles(8, 100, 1).tolist()) == [[0, 0, 8, 4], [4, 96, 8, 100]]


@given(
    sides=st.tuples(st.integers(1, 20), st.integers(1, 20)), cell=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    rectangles=arrays(np.int64, st.tuples(st.integers(0, 3), st.just(4)), elements=st.integers(-3, 25)),
)  # fmt: skip
def test_marked_by_rectangles_as_by_their_pixels(sides, cell, rectangles):
    """As far as they lie in the map; an empty one marks nothing."""
    rectangles[:, 2:] = np.maximum(rectangles[:, 2:], rectangles[:, :2])
    by_rectangles, by_pixels, mask = Cells(*sides, *cell), Cells(*sides, *cell), np.zeros(sides, bool)
    by_rectangles.mark(rectangles)
    for top, left, bottom, right in np.maximum(rectangles, 0).tolist():
        mask[top:bottom, left:right] = True
    by_pixels.mark_pixels(mask)
    found, expected = by_rectangles.rectangles(9, 9, 1), by_pixels.rectangles(9, 9, 1)
    np.testing.assert_array_equal(found, expected)


@given(mask=masks, rows=st.integers(1, 5), columns=st.integers(1, 5))
def test_runs_of_cells_are_found_as_by_looking_at_every_pixel(mask, rows, columns):
    """Written slowly; cells of one row are never joined to another row's where a rectangle may be one pixel high.

    The last cells may be cut off by the map's edge.
    """
    height, width = mask.shape
    expected = []
    for top in range(0, height, rows):
        begun = None
        for left in range(0, width + columns, columns):
            needed = left < width and mask[top : top + rows, left : left + columns].any()
            if needed and begun is None:
                begun = left
            elif not needed and begun is not None:
                expected.append([top, begun, min(top + rows, height), min(left, width)])
                begun = None
    cells = Cells(height, width, rows, columns)
    cells.mark_pixels(mask)
    assert cells.rectangles(1, width, 0).tolist() == expected


def test_area_and_bounds():
    assert area(Rectangle(1, 2, 4, 6)) == 12
    assert bounds([Rectangle(1, 2, 3, 4), Rectangle(0, 3, 2, 9)]) == (0, 2, 3, 9)
