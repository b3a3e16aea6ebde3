"""Parts of detail maps, tiles of the alpha: as the whole maps, to the bit.

The whole decoder: ``tests/network/test_decoder.py``.
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numpy_vitmatte.kernels.conv import conv_relu, pack_conv
from numpy_vitmatte.kernels.conv3x3 import convolve_rows
from numpy_vitmatte.kernels.elementwise import sigmoid_of_product
from numpy_vitmatte.kernels.fused.alpha_tile import (
    alpha_of_tile,
    half_size_detail,
    head_of_rectangle,
    input_region_of_tile,
    quarter_size_detail,
)
from numpy_vitmatte.kernels.regions import Rectangle, empty_piece, whole, zero_padded_copy
from numpy_vitmatte.kernels.winograd import pack_conv3x3
from numpy_vitmatte.layers.fusion import FusionParameters, fusion_block
from numpy_vitmatte.layers.head import HeadParameters, matting_head

seeds = st.integers(0, 2**32 - 1)


def draw(generator, *shape):
    return generator.standard_normal(shape).astype(np.float32)


def whole_detail(image, matrix):
    """A detail map as a whole, without a frame."""
    height, width, _ = image.shape
    sides = Rectangle(0, 0, height // 2, width // 2)
    out = empty_piece(sides, matrix.columns)
    conv_relu(zero_padded_copy(image, Rectangle(-1, -1, height + 1, width + 1)), matrix, 2, sides, out)
    return out.values


def rectangle_in(generator, height, width):
    top, left = int(generator.integers(height)), int(generator.integers(width))
    return Rectangle(top, left, int(generator.integers(top, height)) + 1, int(generator.integers(left, width)) + 1)


@given(height=st.integers(1, 5), width=st.integers(1, 5), channels=st.integers(1, 19), seed=seeds)
def test_details(height, width, channels, seed):
    """A rectangle that reaches beyond the map on all sides, zeros there; and one of the next map inside it."""
    generator = np.random.default_rng(seed)
    image = draw(generator, 4 * height, 4 * width, 4)
    half, quarter = (pack_conv(draw(generator, channels, n, 3, 3), draw(generator, channels)) for n in (4, channels))
    half_map = whole_detail(image, half)
    around = rectangle_in(generator, 2 * height, 2 * width).expanded(2)
    piece = half_size_detail(image, half, around)
    np.testing.assert_array_equal(piece.values, zero_padded_copy(half_map, around).values)
    assert (piece.top, piece.left) == around[:2]

    rectangle, out = rectangle_in(generator, height, width), empty_piece(Rectangle(0, 0, height, width), channels)
    out.values[:] = np.nan
    quarter_size_detail(image, half, quarter, rectangle, out)
    top, left, bottom, right = rectangle
    here = slice(top, bottom), slice(left, right)
    np.testing.assert_array_equal(out.values[here], whole_detail(half_map, quarter)[here])
    assert np.isfinite(out.values).sum() == out.values[here].size


@pytest.mark.parametrize("rectangle", [(0, 0, 7, 30), (2, 3, 5, 4), (6, 1, 7, 29)])
@pytest.mark.parametrize(("inputs", "channels"), [(4, 1), (32, 5), (4, 16), (16, 16), (32, 16)])
def test_head_of_rectangle(rectangle, inputs, channels):
    """As one convolution after the other, with Winograd's sums and without; only the rectangle is filled."""
    random = np.random.default_rng(channels)
    image, weight, bias, mix = (
        random.standard_normal(shape).astype(np.float32)
        for shape in ((7, 30, inputs), (channels, inputs, 3, 3), (channels,), (channels,))
    )
    conv, rectangle = pack_conv3x3(weight, bias), Rectangle(*rectangle)
    piece = zero_padded_copy(image, rectangle.expanded(1))
    out = np.full((7, 30), np.nan, np.float32)
    head_of_rectangle(piece, (conv, mix, 0.25), rectangle, out)

    hidden, expected = convolve_rows(np.pad(image, ((1, 1), (1, 1), (0, 0))), conv, 0, 7), np.full_like(out, np.nan)
    top, left, bottom, right = rectangle
    for y in range(top, bottom):
        sigmoid_of_product(np.maximum(hidden[y, left:right], 0), mix, 0.25, expected[y, left:right])
    np.testing.assert_array_equal(out, expected)


@given(height=st.integers(1, 6), width=st.integers(1, 6), blocks=st.integers(1, 2), seed=seeds)
def test_any_tile_of_the_alpha(height, width, blocks, seed):
    """From no more of the features than a tile is said to need, after one block or two."""
    generator = np.random.default_rng(seed)
    scale = 2**blocks
    image = draw(generator, scale * height, scale * width, 4)
    half = pack_conv(draw(generator, 5, 4, 3, 3), draw(generator, 5))
    features = draw(generator, height, width, 6)
    inputs, outputs = ([6], [3]) if blocks == 1 else ([6, 7], [7, 3])
    details = [image] if blocks == 1 else [whole_detail(image, half), image]
    fusion = tuple(
        FusionParameters.from_tensors(
            {"conv.conv.weight": draw(generator, c, d.shape[2] + n, 3, 3), "conv.conv.bias": draw(generator, c)}, n
        )
        for n, c, d in zip(inputs, outputs, details, strict=True)
    )
    head = HeadParameters(pack_conv3x3(draw(generator, 16, 3, 3, 3), draw(generator, 16)), draw(generator, 16), 0.5)
    expected = features
    for block, detail in zip(fusion, details, strict=True):
        expected = fusion_block(expected, np.pad(detail, ((1, 1), (1, 1), (0, 0))), block)
    expected = matting_head(expected, head)

    tile = rectangle_in(generator, scale * height, scale * width)
    needed = input_region_of_tile(tile, scale * height, scale * width, blocks)
    top, left, bottom, right = needed
    piece = whole(features)._replace(values=features[top:bottom, left:right].copy(), top=top, left=left)
    alpha = np.full((scale * height, scale * width), np.nan, np.float32)
    alpha_of_tile(piece, image, half, fusion, head, tile, alpha)
    top, left, bottom, right = tile
    np.testing.assert_array_equal(alpha[top:bottom, left:right], expected[top:bottom, left:right])
    assert np.isfinite(alpha).sum() == (bottom - top) * (right - left)
