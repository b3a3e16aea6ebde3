"""The head's two convolutions row by row: as one after the other, to the bit."""

import numpy as np
import pytest

from numpy_vitmatte.kernels.conv import conv_relu, pack_conv
from numpy_vitmatte.kernels.elementwise import sigmoid_of_product
from numpy_vitmatte.kernels.fused.one_channel import conv_to_one_channel
from numpy_vitmatte.kernels.regions import Rectangle, empty_piece, framed_copy


@pytest.mark.parametrize("rectangle", [(0, 0, 7, 30), (2, 3, 5, 4), (6, 1, 7, 29)])
@pytest.mark.parametrize("channels", [1, 5, 16])
def test_as_one_after_the_other(rectangle, channels):
    """Only the rectangle is filled."""
    random = np.random.default_rng(channels)
    image, weight, bias, mix = (
        random.standard_normal(shape).astype(np.float32)
        for shape in ((7, 30, 4), (channels, 4, 3, 3), (channels,), (channels,))
    )
    matrix, rectangle = pack_conv(weight, bias), Rectangle(*rectangle)
    piece = framed_copy(image, rectangle.grown(1))
    out = np.full((7, 30), np.nan, np.float32)
    conv_to_one_channel(piece, matrix, mix, 0.25, rectangle, out)

    hidden, expected = empty_piece(rectangle, channels), np.full((7, 30), np.nan, np.float32)
    conv_relu(piece, matrix, 1, rectangle, hidden)
    top, left, bottom, right = rectangle
    for row, y in zip(hidden.values, range(top, bottom), strict=True):
        sigmoid_of_product(row, mix, 0.25, expected[y, left:right])
    np.testing.assert_array_equal(out, expected)
