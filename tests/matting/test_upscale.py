"""Scaling a photo up, and averaging an alpha back by area."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numpy_vitmatte.errors import VitMatteError
from numpy_vitmatte.matting.upscale import average_by_area, larger_photo, larger_size


@pytest.mark.parametrize(
    ("upscale", "expected"), [(None, (60, 101)), (1, (60, 101)), (1.5, (90, 152)), (2, (120, 202)), (4.0, (240, 404))]
)
def test_sides_are_multiplied(upscale, expected):
    assert larger_size(60, 101, upscale) == expected


@pytest.mark.parametrize("upscale", [0.99, 0, -2, 4.01, "1.5", True, float("nan"), float("inf")])
def test_factors_that_are_none(upscale):
    with pytest.raises(VitMatteError) as caught:
        larger_size(10, 10, upscale)
    assert str(caught.value) == f"upscale is {upscale!r}; expected a number from 1 to 4, such as 1.5"


@pytest.mark.parametrize("dtype", [np.uint8, np.float64])
def test_enlarged_photo(dtype):
    """A ramp stays one away from its ends, colors stay where they are, and nothing leaves 0 to 255 beside an edge."""
    ramp = np.zeros((12, 16, 3), dtype)
    ramp[..., 1] = 10 * np.arange(16)
    large = larger_photo(ramp, 24, 32)
    assert large.dtype == (np.uint8 if dtype == np.uint8 else np.float32)
    inner = large[:, 8:-8].astype(float)
    bound = 0.5 if dtype == np.uint8 else 1e-4  # rounding to levels; float32
    expected = np.broadcast_to(10 * (np.arange(8, 24) / 2 - 0.25), inner.shape[:2])
    np.testing.assert_allclose(inner[..., 1], expected, rtol=0, atol=bound)
    assert not inner[..., [0, 2]].any()
    edge = np.broadcast_to(np.repeat(np.array([0, 255], dtype), 6)[:, None], (5, 12, 3))
    large = larger_photo(np.ascontiguousarray(edge), 8, 18)
    assert [large.min(), large.max()] == [0, 255]


@given(st.data())
def test_averages_are_weighted_by_the_covered_area(data):
    """Both sizes divide their product: repeating, then averaging whole blocks, is the exact average by area."""
    rows, columns = (data.draw(st.integers(1, 12)) for _ in range(2))
    height, width = data.draw(st.integers(1, rows)), data.draw(st.integers(1, columns))
    values = np.random.default_rng(rows * columns).random((rows, columns), np.float32)
    repeated = values.astype(np.float64).repeat(height, 0).repeat(width, 1)
    expected = repeated.reshape(height, rows, width, columns).mean((1, 3))
    averaged = average_by_area(values, height, width)
    assert averaged.dtype == np.float32
    np.testing.assert_allclose(averaged, expected, rtol=0, atol=1e-6)  # some 30 float32 sums of numbers below 1
