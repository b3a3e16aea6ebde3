"""The pyramid's matrices, and what its value means."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numpy_vitmatte.testing import assert_within
from numpy_vitmatte.training.pyramid import bilinear, pyramid_l1, zeros_between


@given(length=st.integers(3, 40))
def test_doubling_keeps_a_constant(length):
    """Every row of a doubling sums to 1: brightness is kept, at the mirrored ends too."""
    even = length - length % 2
    assert zeros_between(length).shape == (even, even // 2)
    assert bilinear(length).shape == (length, (length + 1) // 2)
    if even >= 4:
        assert_within(zeros_between(length).sum(axis=1), np.ones(even), 1e-14)
    assert_within(bilinear(length).sum(axis=1), np.ones(length), 1e-14)


@pytest.mark.parametrize("doubling", [bilinear, zeros_between])
def test_a_flat_picture_has_no_bands(doubling):
    """The smallest image is no band."""
    assert pyramid_l1(np.full((16, 24), 3.0), 2, doubling)[0] == pytest.approx(0, abs=1e-14)


def test_a_single_pixel_by_hand():
    """One band of a picture that is 1 in the middle of one row: 1 minus what the blurs leave there."""
    picture = np.zeros((16, 16))
    picture[8, 8] = 1
    weights = np.array([1, 4, 6, 4, 1]) / 16
    half = np.zeros(8)
    half[3:6] = weights[[0, 2, 4]]  # every second sample of the blurred line
    double = np.zeros(20)
    double[2:18:2] = half
    line = 2 * np.array([weights @ double[place : place + 5] for place in range(16)])  # ends are zero: no mirror
    expected = np.abs(picture - np.outer(line, line)).mean()
    assert pyramid_l1(picture, 1, zeros_between)[0] == pytest.approx(expected, rel=1e-13)
