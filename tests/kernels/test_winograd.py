"""3x3 convolutions by Winograd's sums, and those done directly, against float64."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.window_bounds import convolved, rounding_bound

from numpy_vitmatte.kernels.conv3x3 import conv3x3_scratch, convolve_rows, convolve_two_rows
from numpy_vitmatte.kernels.regions import Rectangle, zero_padded_copy
from numpy_vitmatte.kernels.winograd import output_tiles, pack_conv3x3
from numpy_vitmatte.runtime.jit import EXACT_ORDER, kernel
from numpy_vitmatte.testing import assert_float32, assert_within

POISON = np.float32(-7.25e30)
seeds = st.integers(0, 2**32 - 1)


@kernel(EXACT_ORDER, allocates=True)
def call_two_rows(x, y, rectangle, conv, out):
    _, left, _, right = rectangle
    convolve_two_rows(x, y, rectangle, conv, conv3x3_scratch(conv, output_tiles(left, right)), out)


def draw(generator, height, width, inputs, outputs):
    """Image (H, W, C_in) of unequal pixels, weight, bias."""
    image = generator.standard_normal((height, width, inputs)) * generator.choice([0.1, 1, 10], (height, width, 1))
    weight = generator.standard_normal((outputs, inputs, 3, 3))
    return image.astype(np.float32), weight.astype(np.float32), generator.standard_normal(outputs).astype(np.float32)


@given(
    height=st.integers(1, 7), width=st.integers(1, 9), inputs=st.sampled_from([16, 32, 3]),
    outputs=st.sampled_from([16, 48, 5]), biased=st.booleans(), seed=seeds,
)  # fmt: skip
@example(height=2, width=2, inputs=48, outputs=64, biased=True, seed=0)
@example(height=1, width=1, inputs=16, outputs=16, biased=False, seed=0)
def test_convolve_rows(height, width, inputs, outputs, biased, seed):
    """Any rows of any size of picture, in whole vectors of channels and not."""
    generator = np.random.default_rng(seed)
    image, weight, bias = draw(generator, height, width, inputs, outputs)
    bias *= biased
    first = int(generator.integers(height))
    last = int(generator.integers(first, height)) + 1
    conv = pack_conv3x3(weight, bias if biased else None)
    out = convolve_rows(np.pad(image, ((1, 1), (1, 1), (0, 0))), conv, first, last)
    assert_float32(out, (last - first, width, outputs))
    assert_within(out, convolved(image, weight, bias)[first:last], rounding_bound(image, weight, bias)[first:last])


@given(height=st.integers(1, 8), width=st.integers(1, 9), inputs=st.sampled_from([16, 2]), seed=seeds)
def test_rows_and_rectangles_change_no_bit(height, width, inputs, seed):
    """Two rows of any rectangle, from a piece just large enough, are those of the whole picture."""
    generator = np.random.default_rng(seed)
    image, weight, bias = draw(generator, height, width, inputs, outputs=16)
    conv = pack_conv3x3(weight, bias)
    whole = convolve_rows(np.pad(image, ((1, 1), (1, 1), (0, 0))), conv, 0, height)
    top, left = int(generator.integers(height)), int(generator.integers(width))
    bottom, right = int(generator.integers(top, height)) + 1, int(generator.integers(left, width)) + 1
    rectangle, first, tiles = Rectangle(top, left, bottom, right), left // 2 * 2, output_tiles(left, right)
    piece = zero_padded_copy(image, rectangle.expanded(1))
    for y in range(top // 2 * 2, bottom, 2):
        out = np.full(4 * tiles * 16 + 16, POISON)
        call_two_rows(piece, y, tuple(rectangle), conv, out)
        rows = out[:-16].reshape(2, 2 * tiles, 16)
        for row in range(max(y, top), min(y + 2, bottom)):
            np.testing.assert_array_equal(rows[row - y, left - first : right - first], whole[row, left:right])
        assert (out[-16:] == POISON).all()


@pytest.mark.parametrize("spoiled", [(0, 0), (2, 3), (3, 2), (5, 5)])
def test_no_output_depends_on_a_pixel_outside_its_window(spoiled):
    """A NaN reaches the nine outputs around it, as in a direct convolution, though tiles read 4 x 4 pixels."""
    image, weight, bias = draw(np.random.default_rng(1), 6, 6, 16, 16)
    image[spoiled] = np.nan
    out = convolve_rows(np.pad(image, ((1, 1), (1, 1), (0, 0))), pack_conv3x3(weight, bias), 0, 6)
    reached = np.zeros((6, 6), bool)
    y, x = spoiled
    reached[max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2] = True
    np.testing.assert_array_equal(np.isnan(out).all(axis=2), reached)
    np.testing.assert_array_equal(np.isnan(out).any(axis=2), reached)


def test_a_window_of_one_weight_moves_the_picture():
    """Sums of halves of one weight are exact, so the result is, of whole numbers."""
    image = np.random.default_rng(0).integers(-99, 99, (4, 6, 16)).astype(np.float32)
    padded = np.pad(image, ((1, 1), (1, 1), (0, 0)))
    for dy, dx in np.ndindex(3, 3):
        weight = np.zeros((16, 16, 3, 3), np.float32)
        weight[:, :, dy, dx] = np.eye(16)
        moved = convolve_rows(padded, pack_conv3x3(weight), 0, 4)
        np.testing.assert_array_equal(moved, padded[dy : dy + 4, dx : dx + 6])
