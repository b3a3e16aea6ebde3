"""Rounding to bfloat16, and sums of bfloat16 numbers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numpy_vitmatte.kernels.bfloat16 import round_to_bfloat16, split, to_float32

FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False)


def rounded(*numbers):
    return to_float32(round_to_bfloat16(np.array(numbers, np.float32)))


def test_ties_go_to_the_even_neighbor():
    """Between 1 and 1 + 2**-7 lies 1 + 2**-8; the neighbors of 1 + 3 * 2**-8 are 1 + 2**-7 and 1 + 2**-6, even."""
    np.testing.assert_array_equal(rounded(1 + 2**-8, 1 + 3 * 2**-8, -1 - 2**-8), [1, 1 + 2**-6, -1])
    np.testing.assert_array_equal(rounded(1 + 2**-8 + 2**-23, 1 + 3 * 2**-8 - 2**-23), [1 + 2**-7, 1 + 2**-7])


def test_special_numbers():
    """Infinities and signs stay, what is nearer to 2**128 becomes infinite, and denormals become zero."""
    largest, smallest = np.float32(3.4028235e38), np.float32(2.0**-126)
    np.testing.assert_array_equal(rounded(np.inf, -np.inf, largest, -largest), [np.inf, -np.inf, np.inf, -np.inf])
    np.testing.assert_array_equal(rounded(smallest, np.nextafter(smallest, 0), smallest / 2), [smallest, 0, 0])
    assert np.signbit(rounded(-0.0, -smallest / 2)).all()


@pytest.mark.parametrize("bits", [0x7F800001, 0x7FFFFFFF, 0xFFC00000, 0xFF800001])
def test_nan_stays_nan(bits):
    """A NaN whose upper bits are those of infinity, too: they must not be cut to infinity or rounded to a zero."""
    assert np.isnan(to_float32(round_to_bfloat16(np.array([bits], np.uint32).view(np.float32))))[0]


@given(FLOATS)
def test_rounding_is_to_the_nearest(x):
    """No bfloat16 number is nearer than the result. Very small and large ones are left to the test above."""
    x = np.float32(x)
    if not 2.0**-126 <= abs(x) < 3.3e38:
        return
    bits = round_to_bfloat16(np.array([x], np.float32)).astype(np.int64)
    around = to_float32(np.clip(bits + [-1, 0, 1], 0, 0xFFFF).astype(np.uint16)).astype(np.float64)
    distances = np.abs(around - np.float64(x))
    assert distances[1] == np.nanmin(distances)


@given(FLOATS)
def test_three_parts_are_exact(x):
    """They have the 24 bits of a float32, from a size on at which the last part is no denormal number."""
    x = np.float32(x)
    if not 1e-30 < abs(x) < 3.3e38:
        return
    parts = [to_float32(part)[0].astype(np.float64) for part in split(np.array([x], np.float32), 3)]
    assert sum(parts) == np.float64(x)
    assert abs(sum(parts[:2]) - np.float64(x)) <= 2.0**-17 * abs(np.float64(x))
