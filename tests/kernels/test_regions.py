"""Rectangles and pieces of maps, against NumPy's own padding and slicing."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from numpy_vitmatte.kernels.regions import Rectangle, whole, zero_padded_copy, zero_padded_piece

sides = st.integers(1, 7)


@given(height=sides, width=sides, top=st.integers(-3, 6), left=st.integers(-3, 6), rows=sides, columns=sides)
def test_zero_padded_copy_is_a_cut_of_the_padded_map(height, width, top, left, rows, columns):
    """Zeros wherever the rectangle reaches beyond the map, on any side."""
    values = np.random.default_rng(0).standard_normal((height, width, 2)).astype(np.float32)
    rectangle = Rectangle(top, left, top + rows, left + columns)
    piece = zero_padded_copy(values, rectangle)
    padded = np.pad(values, ((9, 16), (9, 16), (0, 0)))
    np.testing.assert_array_equal(piece.values, padded[top + 9 : top + 9 + rows, left + 9 : left + 9 + columns])
    assert (piece.top, piece.left) == (top, left)
    assert piece.values.flags.c_contiguous


def test_a_piece_is_zero_outside_the_map():
    """Only there: what lies inside the map is for others to fill."""
    piece = zero_padded_piece(Rectangle(-1, 2, 5, 9), 3, (4, 8))
    piece.values[1:-1, :-1] = 7
    assert not piece.values[[0, -1]].any()
    assert not piece.values[:, -1].any()


def test_expanded_clipped():
    assert Rectangle(1, 2, 3, 4).expanded(2) == (-1, 0, 5, 6)
    assert Rectangle(-1, 0, 5, 6).clipped((4, 5, 3)) == (0, 0, 4, 5)
    assert whole(np.zeros((2, 2, 1), np.float32), halo=1)[1:] == (-1, -1)
