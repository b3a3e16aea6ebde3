"""Gradients of attention against the reference's in float64: windows, padding, more queries than are taken at once."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numpy_vitmatte.gradients.attention import attention, attention_layer_backward
from numpy_vitmatte.kernels.gradients.grid_sums import grid_sums
from numpy_vitmatte.layers.attention import AttentionParameters
from numpy_vitmatte.reference_backward import attention_backward, window_attention_backward
from numpy_vitmatte.runtime.jit import EXACT_ORDER, kernel
from numpy_vitmatte.testing import assert_within, random_tensors, wide


@kernel(EXACT_ORDER)
def _called(x, rows, width, first_h, first_w):
    grid_sums(x, rows, width, first_h, first_w)


TOLERANCE = 3e-5
"""Of the largest gradient: rounding of the scores is amplified by the softmax; measured 3e-6."""


def check(height, width, heads, depth, window, stored, seed):
    channels, generator = heads * depth, np.random.default_rng(seed)
    shapes = {"qkv.weight": (3 * channels, channels), "qkv.bias": (3 * channels,),
              "proj.weight": (channels, channels), "proj.bias": (channels,)}  # fmt: skip
    if stored:
        shapes |= {"rel_pos_h": (2 * stored - 1, depth), "rel_pos_w": (2 * stored - 1, depth)}
    w = random_tensors(shapes, seed)
    x, dy = generator.standard_normal((2, 2, height, width, channels)).astype(np.float32)
    _, kept = attention(x, AttentionParameters.from_tensors(w, heads), window)
    dx, dw = attention_layer_backward(dy, x, kept, w, heads, window)
    expected, total = [], {}
    for image, gradient in zip(x.astype(np.float64), dy.astype(np.float64), strict=True):
        where = (heads, window) if window else (heads,)
        backward = window_attention_backward if window else attention_backward
        own, weights = backward(gradient, image, wide(w), *where)
        expected.append(own)
        total = {name: total.get(name, 0) + value for name, value in weights.items()}
    expected = np.stack(expected)
    assert_within(dx.reshape(x.shape), expected, TOLERANCE * np.abs(expected).max(), "dx")
    assert set(dw) == set(total)
    for name, gradient in total.items():
        # Some gradients are 0, such as that of the keys' bias, which changes no probability: only rounding is left.
        largest = max(np.abs(gradient).max(), 0.1 * np.linalg.norm(dy))
        assert_within(dw[name], gradient, TOLERANCE * largest, name)


@given(
    st.integers(1, 9), st.integers(1, 9), st.integers(1, 3), st.integers(1, 20), st.sampled_from([0, 1, 3, 5]),
    st.sampled_from([0, 3, 7]), st.integers(0, 2**32 - 1),
)  # fmt: skip
def test_any_grid(height, width, heads, depth, window, stored, seed):
    check(height, width, heads, depth, window, stored, seed)


@pytest.mark.parametrize(("side", "window"), [(17, 0), (23, 14)])
def test_more_queries_than_at_a_time(side, window):
    check(side, side + 2, 2, 16, window, 14, seed=0)


@given(st.integers(1, 20), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_grid_sums(rows, width, seed):
    """Every sum is at its place, and nothing else changes."""
    numbers = np.random.default_rng(seed).integers(-9, 9, rows * width + rows + width + 20).astype(np.float32)
    x, first_h, first_w = numbers.copy(), rows * width, rows * width + rows
    _called(x, rows, width, first_h, first_w)
    grid = numbers[: rows * width].reshape(rows, width)
    expected = numbers.copy()
    expected[first_h:first_w], expected[first_w : first_w + width] = grid.sum(axis=1), grid.sum(axis=0)
    np.testing.assert_array_equal(x, expected)
