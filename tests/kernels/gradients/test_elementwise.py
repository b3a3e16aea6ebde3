"""Gradients of ReLU, GELU, norms and of a fusion block's blend against the reference's in float64."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from numpy_vitmatte.gradients.decoder import through_relu
from numpy_vitmatte.gradients.fusion import FusionGradient
from numpy_vitmatte.gradients.mlp import gelu_rows_backward
from numpy_vitmatte.gradients.norm import layer_norm_backward
from numpy_vitmatte.reference import gelu, upsample2
from numpy_vitmatte.reference_backward import conv_backward, gelu_backward, upsample2_backward
from numpy_vitmatte.reference_backward import layer_norm_backward as layer_norm_by_reference
from numpy_vitmatte.testing import UNIT, assert_within, summation_bound

sides, seeds = st.integers(1, 12), st.integers(0, 2**32 - 1)


def draw(seed, *shapes):
    generator = np.random.default_rng(seed)
    return [generator.standard_normal(shape).astype(np.float32) for shape in shapes]


def framed(image):
    return np.pad(image, ((1, 1), (1, 1), (0, 0)))


@given(sides, sides, st.integers(1, 40), st.sampled_from([0, 1]), seeds)
def test_relu(height, width, channels, frame, seed):
    """Its gradient in a frame, and the sum over pixels."""
    dy, y = draw(seed, (height, width, channels), (height, width, channels))
    y[:, ::2] = 0  # what a ReLU gives at 0 lets nothing through
    d, sums = through_relu(dy, framed(y) if frame else y, frame)
    expected = np.where(y > 0, dy, 0)
    np.testing.assert_array_equal(d, framed(expected))
    bound = summation_bound(height * width, np.abs(expected).sum(axis=(0, 1)))
    assert_within(sums, expected.sum(axis=(0, 1), dtype=np.float64), bound)


@given(sides, st.integers(1, 40), seeds)
def test_gelu(rows, channels, seed):
    """The error function is right to 5e-7, which x multiplies."""
    d, x = draw(seed, (rows, channels), (rows, channels))
    dy, value = d.copy(), 3 * x
    before = value.copy()
    gelu_rows_backward(d, value)
    size = 1 + np.abs(before)
    assert_within(value, gelu(before.astype(np.float64)), 1e-6 * size)
    assert_within(d, gelu_backward(dy.astype(np.float64), before.astype(np.float64)), 1e-6 * size * np.abs(dy) + 1e-37)


@given(st.integers(1, 200), st.integers(2, 70), seeds)
def test_layer_norm(rows, channels, seed):
    """Three sums over the channels, whose errors are divided by the deviation with them."""
    dy, x, weight, bias, dx = draw(seed, *[(rows, channels)] * 2, *[(channels,)] * 2, (rows, channels))
    w, before = {"weight": weight, "bias": bias}, dx.copy()
    dw = layer_norm_backward(dy, x, w, 1e-6, dx)
    exact, weights = layer_norm_by_reference(*(array.astype(np.float64) for array in (dy, x)), w, 1e-6)
    deviation = x.astype(np.float64).std(axis=1, keepdims=True)
    largest = np.abs(dy * weight).sum(axis=1, keepdims=True) * (1 + np.abs(x).max() / deviation) ** 2 / deviation
    assert_within(dx, before + exact, (2 * channels + 20) * UNIT * largest + UNIT * np.abs(before))
    size = (np.abs(dy) * (1 + np.abs(x).max() / deviation) ** 2).sum(axis=0)
    assert_within(dw["weight"], weights["weight"], (rows + 2 * channels + 20) * UNIT * size)
    assert_within(dw["bias"], weights["bias"], summation_bound(rows, np.abs(dy).sum(axis=0)))


@given(st.integers(1, 6), st.integers(1, 6), *[st.integers(1, 20)] * 3, seeds)
def test_fusion_block(height, width, features, details, outputs, seed):
    """Nine gathered maps at low resolution give what the convolution of the doubled map gives."""
    shapes = (2 * height, 2 * width, outputs), (height, width, features), (2 * height, 2 * width, details)
    dy, x, detail, weight = draw(seed, *shapes, (outputs, details + features, 3, 3))
    gradient = FusionGradient(weight, features)
    found = gradient.add(framed(dy), x, framed(detail)), gradient.detail_backward(framed(dy)), gradient.weight

    def expected(*arrays):
        dy, x, detail, weight = (array.astype(np.float64) for array in arrays)
        joined = np.concatenate([detail, upsample2(x)], axis=-1)
        d, dw = conv_backward(dy, joined, {"weight": weight}, padding=1)
        return upsample2_backward(d[..., details:], x), d[..., :details], dw["weight"]

    exact, sizes = expected(dy, x, detail, weight), expected(*map(np.abs, (dy, x, detail, weight)))
    terms = 9 * outputs + 16, 36 * outputs + 36, 4 * height * width + 16  # Winograd's sums for the detail map
    for own, value, size, count in zip(found, exact, sizes, terms, strict=True):
        assert_within(own, value, 4 * summation_bound(count, size.max()))
