"""Scaling a photo down: proportions and averages."""

import numpy as np
import pytest

from numpy_vitmatte.errors import VitMatteError
from numpy_vitmatte.matting.downscale import smaller_photo, smaller_size


@pytest.mark.parametrize(
    ("size", "max_side", "expected"),
    [
        ((3000, 4000), 1000, (750, 1000)),
        ((4000, 3000), 1000, (1000, 750)),
        ((3000, 4000), 4000, (3000, 4000)),
        ((3000, 4000), 9999, (3000, 4000)),
        ((3000, 4000), None, (3000, 4000)),
        ((1, 4000), 32, (1, 32)),
        ((667, 1000), 100, (67, 100)),
    ],
)
def test_proportions_are_kept_and_nothing_grows(size, max_side, expected):
    assert smaller_size(*size, max_side) == expected


@pytest.mark.parametrize("max_side", [31, 0, -5, 100.0, "100", True])
def test_sides_that_are_none(max_side):
    with pytest.raises(VitMatteError) as caught:
        smaller_size(10, 10, max_side)
    assert str(caught.value) == f"max_side is {max_side!r}; expected a whole number of pixels, 32 or more"


def test_photo_is_averaged():
    photo = np.zeros((2, 4, 3), np.uint8)
    photo[:, :2] = [[[10, 20, 30], [20, 20, 30]], [[30, 20, 30], [40, 20, 30]]]
    small = smaller_photo(photo, 1, 2)
    np.testing.assert_array_equal(small, [[[25, 20, 30], [0, 0, 0]]], strict=False)
    assert small.dtype == np.uint8


def test_photo_of_more_than_eight_bits_is_not_rounded():
    photo = np.array([[[0.5, 1, 2], [0.75, 1, 255]]])
    small = smaller_photo(photo, 1, 1)
    np.testing.assert_array_equal(small, [[[0.625, 1, 128.5]]])
    assert small.dtype == np.float32
