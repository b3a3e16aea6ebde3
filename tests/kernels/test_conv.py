"""Convolutions over channels-last images, against float64."""

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from numpy_vitmatte.kernels.conv import conv_relu, conv_rows, pack_conv, rows_per_block
from numpy_vitmatte.kernels.regions import Rectangle, empty_piece, zero_padded_copy
from numpy_vitmatte.testing import assert_float32, assert_within, summation_bound

seeds = st.integers(0, 2**32 - 1)


def convolution_in_float64(image, weight, bias, stride):
    """Every output from its own window, (H, W, C_in) and (C_out, C_in, n, n) -> (H_out, W_out, C_out)."""
    size = weight.shape[-1]
    image, weight = image.astype(np.float64), weight.astype(np.float64)
    rows = range(0, image.shape[0] - size + 1, stride)
    columns = range(0, image.shape[1] - size + 1, stride)
    windows = np.array([[image[y : y + size, x : x + size] for x in columns] for y in rows])
    return np.einsum("yxijc,ocij->yxo", windows, weight) + bias


@given(
    height=st.integers(1, 9), width=st.integers(1, 17), inputs=st.integers(1, 5), outputs=st.integers(1, 35),
    size=st.sampled_from([1, 2, 3, 4]), stride=st.integers(1, 4), biased=st.booleans(), seed=seeds,
)  # fmt: skip
@example(height=7, width=1, inputs=3, outputs=17, size=3, stride=1, biased=True, seed=0)
@example(height=1, width=13, inputs=5, outputs=16, size=1, stride=1, biased=False, seed=0)
@example(height=8, width=12, inputs=4, outputs=11, size=4, stride=4, biased=True, seed=0)
def test_conv_rows(height, width, inputs, outputs, size, stride, biased, seed):
    """Every window size, stride and range of rows; the last rows and columns may reach no whole window."""
    generator = np.random.default_rng(seed)
    padded = generator.standard_normal((height + size - 1, width + size - 1, inputs)).astype(np.float32)
    weight = generator.standard_normal((outputs, inputs, size, size)).astype(np.float32)
    bias = generator.standard_normal(outputs).astype(np.float32) * biased
    count = (height - 1) // stride + 1
    first = int(generator.integers(count))
    last = int(generator.integers(first, count)) + 1
    before = padded.copy()
    out = conv_rows(padded, pack_conv(weight, bias if biased else None), first, last, size, stride)
    assert_float32(out, (last - first, (width - 1) // stride + 1, outputs))
    expected = convolution_in_float64(padded, weight, bias, stride)
    magnitude = convolution_in_float64(np.abs(padded), np.abs(weight), np.abs(bias), stride)
    assert_within(out, expected[first:last], summation_bound(size * size * inputs, magnitude[first:last]))
    np.testing.assert_array_equal(padded, before)


@given(
    height=st.integers(1, 9), width=st.integers(1, 17), inputs=st.integers(1, 5), outputs=st.integers(1, 35),
    stride=st.integers(1, 2), seed=seeds,
)  # fmt: skip
def test_conv_relu_of_a_rectangle(height, width, inputs, outputs, stride, seed):
    """Any rectangle of outputs, its windows centered, from a piece that is just large enough."""
    generator = np.random.default_rng(seed)
    image = generator.standard_normal((height, width, inputs)).astype(np.float32)
    weight = generator.standard_normal((outputs, inputs, 3, 3)).astype(np.float32)
    bias = generator.standard_normal(outputs).astype(np.float32)
    expected = convolution_in_float64(np.pad(image, ((1, 1), (1, 1), (0, 0))), weight, bias, stride)
    top, left = (int(generator.integers(side)) for side in expected.shape[:2])
    bottom, right = (
        int(generator.integers(low, side)) + 1 for low, side in zip((top, left), expected.shape, strict=False)
    )
    source = Rectangle(stride * top - 1, stride * left - 1, stride * (bottom - 1) + 2, stride * (right - 1) + 2)
    out = empty_piece(Rectangle(top - 1, left - 2, bottom + 1, right), outputs)
    out.values[:] = 5
    conv_relu(
        zero_padded_copy(image, source), pack_conv(weight, bias), stride, Rectangle(top, left, bottom, right), out
    )
    magnitude = convolution_in_float64(
        np.pad(np.abs(image), ((1, 1), (1, 1), (0, 0))), np.abs(weight), np.abs(bias), stride
    )
    here = slice(top, bottom), slice(left, right)
    bound = summation_bound(9 * inputs, magnitude[here])
    assert_within(out.values[1:-1, 2:], np.maximum(expected[here], 0), bound)
    out.values[1:-1, 2:] = 5
    assert (out.values == 5).all()


@given(row_bytes=st.integers(1, 1 << 24), target=st.integers(1, 1 << 22))
def test_rows_per_block_fit_their_target(row_bytes, target):
    """As many rows as fit, and at least one."""
    rows = rows_per_block(row_bytes, target)
    assert rows >= 1
    assert rows == 1 or rows * row_bytes <= target
    assert (rows + 1) * row_bytes > target
