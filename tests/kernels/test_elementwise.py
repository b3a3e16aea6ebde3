"""Elementwise functions and row norms against ``math`` and float64."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numpy_vitmatte.kernels.elementwise import (
    add,
    gelu_,
    normalize_rows,
    relu,
    sigmoid_of_product,
)
from numpy_vitmatte.testing import UNIT, assert_float32, assert_within, summation_bound

seeds = st.integers(0, 2**32 - 1)


@given(shape=st.tuples(st.integers(1, 5), st.integers(1, 9), st.integers(1, 11)), scale=st.floats(0.1, 20), seed=seeds)
def test_gelu(shape, scale, seed):
    """The number times a normal distribution that is 1.5e-7 off, and one rounding."""
    x = (np.random.default_rng(seed).standard_normal(shape) * scale).astype(np.float32)
    expected = [value * (1 + math.erf(value * math.sqrt(0.5))) / 2 for value in x.flatten().tolist()]
    bound = np.abs(x) * (1.5e-7 + UNIT)
    result = gelu_(x)
    assert result is x
    assert_float32(result, shape)
    assert_within(result, np.reshape(expected, shape), bound)


@given(shape=st.tuples(st.integers(1, 5), st.integers(1, 9)), seed=seeds)
def test_relu(shape, seed):
    """In place and exact."""
    x = np.random.default_rng(seed).standard_normal(shape).astype(np.float32)
    expected = np.where(x > 0, x, 0)
    relu(x.reshape(-1))
    np.testing.assert_array_equal(x, expected)


def test_add():
    """In place and exact; the other array is left alone."""
    x, more = np.random.default_rng(0).standard_normal((2, 37)).astype(np.float32)
    expected, before = x + more, more.copy()
    add(x, more)
    np.testing.assert_array_equal(x, expected)
    np.testing.assert_array_equal(more, before)


def normalized_and_bound(x, weight, bias, epsilon):
    """Rows normalized in float64, and what float32 may differ by, to first order.

    The mean, a sum of C terms, is off by at most ``d = (C + 3) * 2**-24 * max|x|``; so is each centered number. That
    moves a normalized number z by d / sigma, and sigma itself by a share of d / sigma + (C + 4) * 2**-24.
    """
    x, weight, bias = (array.astype(np.float64) for array in (x, weight, bias))
    channels = x.shape[-1]
    sigma = np.sqrt(x.var(axis=-1, keepdims=True) + epsilon)
    z = (x - x.mean(axis=-1, keepdims=True)) / sigma
    share = (channels + 3) * UNIT * np.abs(x).max(axis=-1, keepdims=True) / sigma + (channels + 4) * UNIT
    bound = 1.01 * np.abs(weight) * (1 + np.abs(z)) * share + 2 * UNIT * (np.abs(weight * z) + np.abs(bias))
    return z * weight + bias, bound


@given(
    shape=st.tuples(st.integers(1, 4), st.integers(1, 5), st.integers(1, 37)),
    offset=st.floats(-10, 10), epsilon=st.sampled_from([1e-6, 1e-5, 1e-3]), given_out=st.booleans(), seed=seeds,
)  # fmt: skip
def test_normalize_rows(shape, offset, epsilon, given_out, seed):
    """Rows away from zero, rows of one channel and one constant row, whose result is the bias."""
    generator = np.random.default_rng(seed)
    x = (generator.standard_normal(shape) + offset).astype(np.float32)
    x[0, 0] = np.float32(offset)
    weight, bias = generator.standard_normal((2, shape[-1])).astype(np.float32)
    before = x.copy()
    out = np.full(shape, 7e30, np.float32) if given_out else None
    result = normalize_rows(x, weight, bias, epsilon, out)
    assert out is None or result is out
    assert_float32(result, shape)
    assert_within(result, *normalized_and_bound(x, weight, bias, epsilon))
    np.testing.assert_array_equal(x, before)


@given(rows=st.integers(1, 9), channels=st.integers(1, 19), bias=st.floats(-3, 3, width=32), seed=seeds)
def test_sigmoid_of_product(rows, channels, bias, seed):
    """The slope of the sigmoid is at most 1/4, so an alpha is off by a quarter of its logit's error, and 3 ulp."""
    generator = np.random.default_rng(seed)
    x = generator.standard_normal((rows, channels)).astype(np.float32)
    weight = generator.standard_normal(channels).astype(np.float32)
    alpha = np.full(rows, np.nan, np.float32)
    sigmoid_of_product(x, weight, bias, alpha)
    logit = x.astype(np.float64) @ weight.astype(np.float64) + bias
    error = summation_bound(channels, np.abs(x).astype(np.float64) @ np.abs(weight) + abs(bias))
    assert_within(alpha, 1 / (1 + np.exp(-logit)), error / 4 + 6 * UNIT)


@pytest.mark.parametrize("logit", [1000.0, 88.5, 87.0, 20.0, 0.0, -20.0, -87.0, -88.5, -1000.0, 3e38, -3e38])
def test_sigmoid_saturates_without_overflow(logit):
    """Far out, alpha is 1 to the bit on one side and below 1e-37 on the other."""
    alpha = np.full(1, np.nan, np.float32)
    sigmoid_of_product(np.float32([[logit]]), np.ones(1, np.float32), 0.0, alpha)
    expected = 0.0 if logit < -700 else 1 / (1 + math.exp(-logit))
    assert_within(alpha, [expected], 6 * UNIT * expected + 1e-37)
    assert 0 <= alpha[0] <= 1
    assert logit < 80 or alpha[0] == 1
