"""Squared distances to a mask, against every pair of pixels, and against SciPy where it is installed."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from numpy_vitmatte.kernels.distance import FAR, squared_distance_to

MASKS = hnp.arrays(np.bool_, hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=14))


def over_all_pairs(mask):
    rows, columns = np.indices(mask.shape)
    there = np.argwhere(mask)
    squares = (rows[..., None] - there[:, 0]) ** 2 + (columns[..., None] - there[:, 1]) ** 2
    return squares.min(axis=-1) if len(there) else np.full(mask.shape, FAR)


def test_by_hand():
    mask = np.zeros((3, 4), bool)
    mask[0, 0] = mask[2, 3] = True
    assert squared_distance_to(mask).tolist() == [[0, 1, 4, 4], [1, 2, 2, 1], [4, 4, 1, 0]]


@given(MASKS)
@example(np.zeros((3, 5), bool))
@example(np.ones((1, 1), bool))
def test_the_nearest_of_all_pixels(mask):
    squares = squared_distance_to(mask)
    assert squares.dtype == np.int64
    np.testing.assert_array_equal(squares, over_all_pairs(mask))


@pytest.mark.extras("scipy")
@given(height=st.integers(1, 90), width=st.integers(1, 90), share=st.floats(0, 1), seed=st.integers(0, 2**32 - 1))
def test_against_scipy(height, width, share, seed):
    ndimage = pytest.importorskip("scipy.ndimage", reason="SciPy comes with the extra [foreground]")
    mask = np.random.default_rng(seed).random((height, width)) < share**3
    mask[height // 2, width // 3] = True
    expected = np.rint(ndimage.distance_transform_edt(~mask) ** 2)
    np.testing.assert_array_equal(squared_distance_to(mask), expected)


def test_far_apart_pixels_are_exact():
    """Beyond 2**24 a float32 would round, beyond 2**31 an int32 would overflow."""
    mask = np.zeros((2, 50_001), bool)
    mask[0, 0] = True
    assert squared_distance_to(mask)[:, -1].tolist() == [50_000**2, 50_000**2 + 1]


def test_views_are_no_different():
    mask = np.random.default_rng(3).random((20, 30)) < 0.05
    np.testing.assert_array_equal(squared_distance_to(mask.T), over_all_pairs(mask).T)
