"""Attention layers against the reference: heads, windows, peaked rows, padded tokens."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from numpy_vitmatte import reference
from numpy_vitmatte.kernels.keys_values import KEYS_PER_BLOCK
from numpy_vitmatte.layers.attention import AttentionParameters, global_attention, window_attention
from numpy_vitmatte.testing import UNIT, assert_float32, assert_within, random_tensors, wide

# Three sums follow each other (qkv, scores, values) and the softmax turns errors of scores, which reach some tens, into
# relative errors of probabilities: 48 roundings of the largest result; the largest measured was 14.
TOLERANCE = 48 * UNIT
# A score reaches some tens and is rounded some ten times on its way, each time by up to 2**-24 * 30, and a probability
# moves by at most half of what its score does: 9e-6. Measured: 1.4e-6.
PROBABILITY_TOLERANCE = 1e-5

seeds = st.integers(0, 2**32 - 1)
flags = st.booleans()


def draw_layer(heads, size, table, relative=True, biased=True, seed=0):
    """Tensors of one layer, relative positions stored for a grid of ``table`` (rows, columns)."""
    channels = heads * size
    shapes = {"qkv.weight": (3 * channels, channels), "proj.weight": (channels, channels), "proj.bias": (channels,)}
    if biased:
        shapes["qkv.bias"] = (3 * channels,)
    if relative:
        shapes["rel_pos_h"] = (2 * table[0] - 1, size)
        shapes["rel_pos_w"] = (2 * table[1] - 1, size)
    return random_tensors(shapes, seed)


def draw_tokens(height, width, channels, seed):
    return np.random.default_rng(seed).standard_normal((height, width, channels)).astype(np.float32)


def check(actual, probability, tokens, before, expected):
    """Result and probabilities against the reference's pair; the tokens are as they were."""
    result, expected_probability = expected
    assert_float32(actual, tokens.shape)
    np.testing.assert_array_equal(tokens, before)
    assert_within(probability, expected_probability, PROBABILITY_TOLERANCE, "probabilities")
    rounding = (probability.shape[-1] + 2) * UNIT
    assert_within(probability.sum(axis=-1), np.ones(probability.shape[:-1]), rounding, "row sums")
    assert_within(actual, result, TOLERANCE * np.abs(result).max(), "result")


@given(
    height=st.integers(1, 8), width=st.integers(1, 8), heads=st.integers(1, 4), size=st.integers(1, 19),
    table=st.tuples(st.integers(1, 9), st.integers(1, 9)), relative=flags, biased=flags, seed=seeds,
)  # fmt: skip
@example(height=5, width=7, heads=3, size=11, table=(13, 2), relative=True, biased=True, seed=0)
@example(height=1, width=1, heads=1, size=1, table=(1, 1), relative=True, biased=True, seed=0)
def test_global_attention(height, width, heads, size, table, relative, biased, seed):
    """Tables as stored, longer and shorter than the grid; with and without them, and the qkv bias."""
    tensors = draw_layer(heads, size, table, relative, biased, seed)
    tokens = draw_tokens(height, width, heads * size, seed)
    before, count = tokens.copy(), height * width
    parameters = AttentionParameters.from_tensors(tensors, heads)
    probability = np.full((1, heads, count, count), np.nan, np.float32)
    actual = global_attention(tokens, parameters, probability)
    result, expected = reference.attention(tokens.astype(np.float64), wide(tensors), heads)
    check(actual, probability, tokens, before, (result, expected[None]))
    np.testing.assert_array_equal(global_attention(tokens, parameters), actual)


def test_global_attention_over_several_blocks_of_keys():
    """More tokens than a block of keys."""
    height, width, heads, size = 29, 31, 2, 7
    assert height * width > KEYS_PER_BLOCK
    tensors, tokens = draw_layer(heads, size, (6, 6)), draw_tokens(height, width, heads * size, 1)
    probability = np.empty((1, heads, height * width, height * width), np.float32)
    actual = global_attention(tokens, AttentionParameters.from_tensors(tensors, heads), probability)
    result, expected = reference.attention(tokens.astype(np.float64), wide(tensors), heads)
    check(actual, probability, tokens, tokens.copy(), (result, expected[None]))


@given(
    height=st.integers(1, 11), width=st.integers(1, 11), window=st.integers(1, 7), heads=st.integers(1, 3),
    size=st.integers(1, 11), relative=flags, biased=flags, seed=seeds,
)  # fmt: skip
@example(height=7, width=11, window=5, heads=3, size=6, relative=True, biased=True, seed=0)
@example(height=2, width=3, window=7, heads=2, size=5, relative=True, biased=True, seed=0)
@example(height=6, width=4, window=2, heads=1, size=17, relative=True, biased=False, seed=0)
def test_window_attention(height, width, window, heads, size, relative, biased, seed):
    """Windows that divide the grid, that do not, and that are larger than it."""
    tensors = draw_layer(heads, size, (window, window), relative, biased, seed)
    tokens = draw_tokens(height, width, heads * size, seed)
    before = tokens.copy()
    parameters = AttentionParameters.from_tensors(tensors, heads)
    windows = -(-height // window) * -(-width // window)
    probability = np.full((windows, heads, window**2, window**2), np.nan, np.float32)
    actual = window_attention(tokens, parameters, window, probability)
    expected = reference.window_attention(tokens.astype(np.float64), wide(tensors), heads, window)
    check(actual, probability, tokens, before, expected)
    np.testing.assert_array_equal(window_attention(tokens, parameters, window), actual)


def test_rows_are_peaked():
    """With these weights some token attends almost only to one other: a flat softmax would hide wrong scores."""
    tensors, tokens = draw_layer(3, 11, (13, 2)), draw_tokens(5, 7, 33, 0)
    probability = np.empty((1, 3, 35, 35), np.float32)
    global_attention(tokens, AttentionParameters.from_tensors(tensors, 3), probability)
    assert probability.max() > 0.9


@pytest.mark.parametrize("name", ["qkv.bias", "rel_pos_h", "rel_pos_w"])
def test_every_optional_tensor_counts(name):
    """The comparisons above would notice a tensor that is left out: the result moves by far more than a tolerance."""
    tensors, tokens = draw_layer(2, 5, (4, 4)), draw_tokens(3, 5, 10, 2)
    full = window_attention(tokens, AttentionParameters.from_tensors(tensors, 2), 4)
    without = window_attention(tokens, AttentionParameters.from_tensors(tensors | {name: 0 * tensors[name]}, 2), 4)
    assert np.abs(full - without).max() > 1000 * TOLERANCE * np.abs(full).max()


def test_another_grid_in_between():
    """Tables resized for one grid are kept for the next, unless it is another."""
    tensors = draw_layer(2, 5, (4, 4))
    kept = AttentionParameters.from_tensors(tensors, 2)
    for height, width in ((6, 7), (6, 7), (3, 7), (6, 5)):
        tokens = draw_tokens(height, width, 10, 3)
        fresh = AttentionParameters.from_tensors(tensors, 2)
        np.testing.assert_array_equal(global_attention(tokens, kept), global_attention(tokens, fresh))
