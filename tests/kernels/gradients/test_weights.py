"""Gradients of weights against float64, tap by tap."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numpy_vitmatte.gradients.conv import double, pack_doubling
from numpy_vitmatte.gradients.products import WeightGradient, linear_rows, pack_stored, sum_of_rows
from numpy_vitmatte.kernels.gradients.packing import pack_columns, pack_rows, transpose_to
from numpy_vitmatte.kernels.gradients.weights import Window
from numpy_vitmatte.kernels.matmul import pack
from numpy_vitmatte.reference_backward import conv_backward
from numpy_vitmatte.testing import assert_within, summation_bound

channels = st.integers(1, 40)
seeds = st.integers(0, 2**32 - 1)


def draw(seed, *shapes):
    generator = np.random.default_rng(seed)
    return [generator.standard_normal(shape).astype(np.float32) for shape in shapes]


def by_reference(dy, x, weight, stride):
    """Gradients by image and weight in float64, and their bounds."""
    exact = conv_backward(*(array.astype(np.float64) for array in (dy, x)), {"weight": weight}, stride, padding=1)
    size = conv_backward(
        *(np.abs(array).astype(np.float64) for array in (dy, x)), {"weight": np.abs(weight)}, stride, 1
    )
    return exact, size


@given(st.integers(1, 9), st.integers(1, 70), channels, channels, st.sampled_from([1, 2]), seeds)
def test_convolutions(height, width, inputs, outputs, stride, seed):
    """Of both strides, with gradients in a frame; a second image is added."""
    shapes = (height * stride, width * stride, inputs), (height, width, outputs), (outputs, inputs, 3, 3)
    gradient = WeightGradient(inputs, outputs, Window(3, stride))
    expected, bound = 0, 0
    for n in range(2):
        x, dy, weight = draw(seed + n, *shapes)
        gradient.add_image(np.pad(x, ((1, 1), (1, 1), (0, 0))), np.pad(dy, ((1, 1), (1, 1), (0, 0))), frame=1)
        (_, exact), (_, size) = by_reference(dy, x, weight.astype(np.float64), stride)
        expected, bound = expected + exact["weight"], bound + size["weight"]
    found = gradient.total.transpose(3, 2, 0, 1)
    assert_within(found, expected, summation_bound(2 * height * width + 2, bound))


@given(st.integers(1, 300), st.integers(1, 120), st.integers(1, 90), seeds)
def test_linear_layers(rows, inputs, outputs, seed):
    x, dy = draw(seed, (rows, inputs), (rows, outputs))
    gradient = WeightGradient(inputs, outputs)
    gradient.add_rows(x, dy)
    expected, size = x.astype(np.float64).T @ dy, np.abs(x).astype(np.float64).T @ np.abs(dy)
    assert_within(gradient.total[0, 0], expected, summation_bound(rows, size))


@pytest.mark.parametrize(("rows", "inputs", "outputs"), [(5000, 100, 17), (1100, 17, 520)])
def test_many_rows_and_outputs(rows, inputs, outputs):
    """More than one strip, and more than one part, is needed."""
    x, dy = draw(0, (rows, inputs), (rows, outputs))
    gradient = WeightGradient(inputs, outputs)
    gradient.add_rows(x, dy)
    expected, size = x.astype(np.float64).T @ dy, np.abs(x).astype(np.float64).T @ np.abs(dy)
    assert_within(gradient.total[0, 0], expected, summation_bound(rows, size))
    assert_within(sum_of_rows(dy), dy.sum(axis=0, dtype=np.float64), summation_bound(rows, np.abs(dy).sum(axis=0)))


@given(st.integers(1, 9), st.integers(1, 20), channels, channels, seeds)
def test_images_of_halving_convolutions(height, width, inputs, outputs, seed):
    """The convolution by 2 x 2 taps gives the gradient by an image that a stride of 2 halved."""
    x, dy, weight = draw(seed, (2 * height, 2 * width, inputs), (height, width, outputs), (outputs, inputs, 3, 3))
    (expected, _), (size, _) = by_reference(dy, x, weight.astype(np.float64), 2)
    found = double(np.pad(dy, ((1, 1), (1, 1), (0, 0))), pack_doubling(weight))
    assert_within(found, expected, summation_bound(4 * outputs, size))


@given(st.integers(1, 40), st.integers(1, 200), seeds)
def test_stored_weights_are_packed_as_by_pack(rows, columns, seed):
    (weight,) = draw(seed, (rows, columns))
    own, expected = pack_stored(weight), pack(weight)
    np.testing.assert_array_equal(own.panels, expected.panels)
    np.testing.assert_array_equal(own.bias, expected.bias)
    (x,) = draw(seed + 1, (3, rows))
    assert linear_rows(x, own).shape == (3, columns)


@given(st.integers(1, 50), st.integers(1, 50), seeds)
def test_rows_that_are_turned_and_packed(rows, columns, seed):
    (x,) = draw(seed, (rows, columns))
    step, whole = rows + 3, -(-columns // 16) * 16
    turned = np.full(columns * step, -1, np.float32)
    transpose_to(x.reshape(-1), 0, columns, rows, columns, turned, 0, step)
    np.testing.assert_array_equal(turned.reshape(columns, step)[:, :rows], x.T)
    assert (turned.reshape(columns, step)[:, rows:] == -1).all()
    panels = np.empty(whole * rows, np.float32)
    pack_rows(x.reshape(-1), 0, columns, rows, columns, panels, 0, rows)
    np.testing.assert_array_equal(panels, pack(x).panels)
    panels = np.empty(-(-rows // 16) * 16 * columns, np.float32)
    pack_columns(x.reshape(-1), rows, columns, panels)
    np.testing.assert_array_equal(panels, pack(x.T).panels)
