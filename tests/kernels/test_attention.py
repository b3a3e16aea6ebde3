"""Attention of one head, and of all heads of a window, against float64."""

from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from numpy_vitmatte.kernels.attention import RelativeTables, attend, attend_window
from numpy_vitmatte.kernels.keys_values import (
    KEYS_PER_BLOCK,
    Grid,
    Head,
    KeyChunk,
    KeysValues,
    pack_keys_values,
    packed_sizes,
    rows_of_keys,
)
from numpy_vitmatte.kernels.matmul import Rows, pack
from numpy_vitmatte.testing import UNIT, assert_within, summation_bound

POISON = np.float32(-7.25e30)

seeds = st.integers(0, 2**32 - 1)


class Expected(NamedTuple):
    """Probabilities (N, N) and result (N, d) of one head in float64, and the bound of each."""

    probability: np.ndarray
    probability_bound: np.ndarray
    result: np.ndarray
    result_bound: np.ndarray


def head_in_float64(q, k, v, rel_h, rel_w, height, width):
    """One head, key by key; ``rel_h[y_i - y_j + height - 1]`` belongs to query i and key j.

    The bound: a score is off by the rounding of its three sums of d products and of the additions; an error of e in
    all scores of a row multiplies each probability by at most exp(2 e). The exponential (2 ulp) and the row's sum of N
    terms add their own shares.
    """
    depth, tokens = q.shape[1], height * width
    y, x = np.divmod(np.arange(tokens), width)
    terms = [(q, k[None].repeat(tokens, 0), depth**-0.5)]
    if rel_h is not None:
        terms += [(q, rel_h[y[:, None] - y + height - 1], 1.0), (q, rel_w[x[:, None] - x + width - 1], 1.0)]
    score = sum(np.einsum("id,ijd->ij", a, b) * factor for a, b, factor in terms)
    magnitude = sum(np.einsum("id,ijd->ij", np.abs(a), np.abs(b)) * factor for a, b, factor in terms)
    error = summation_bound(depth + 4, magnitude).max(axis=1, keepdims=True) + 2 * UNIT * np.abs(score).max()
    e = np.exp(score - score.max(axis=1, keepdims=True))
    probability = e / e.sum(axis=1, keepdims=True)
    share = np.expm1(2 * error) + (tokens + 12) * UNIT
    result_bound = (share + (tokens + 3) * UNIT) * (probability @ np.abs(v))
    return Expected(probability, share * probability + 1e-37, probability @ v, result_bound + 1e-37)


def draw_head(height, width, depth, peak, seed):
    """Queries, keys, values and both tables in float32; ``peak`` scales the queries."""
    generator = np.random.default_rng(seed)
    tokens = height * width
    shapes = ((tokens, depth),) * 3 + ((2 * height - 1, depth), (2 * width - 1, depth))
    q, k, v, rel_h, rel_w = (generator.standard_normal(shape).astype(np.float32) for shape in shapes)
    return q * np.float32(peak), k, v, rel_h * np.float32(0.5), rel_w * np.float32(0.5)


def wide(arrays):
    return [array.astype(np.float64) for array in arrays]


def packed(k, v, height, width):
    """Keys and values of one head, (N, d) each, packed block by block as ``attend`` reads them."""
    depth = k.shape[1]
    packed = KeysValues(*(np.full(size, POISON) for size in packed_sizes(height, width, depth)))
    step = rows_of_keys(width) * width
    for block in range(-(-height // rows_of_keys(width))):
        own = np.concatenate([part[block * step : (block + 1) * step] for part in (k, v)], axis=1)
        chunk = KeyChunk(block, 0, len(own))
        pack_keys_values(np.ascontiguousarray(own), chunk, Grid(height, width), Head(0, 1), packed)
    return packed


def check_attend(height, width, depth, peak, relative, seed, positions):
    """``attend`` for the queries at ``positions``, from an interleaved array into one; probabilities kept or not."""
    tokens, rows = height * width, len(positions)
    q, k, v, rel_h, rel_w = draw_head(height, width, depth, peak, seed)
    queries = np.full((rows, depth + 3), POISON)
    queries[:, 1:-2] = q[positions]
    probability, out = np.full((rows, tokens), POISON), np.full((rows, depth + 3), POISON)
    tables = RelativeTables(*(pack(table[::-1].T).panels for table in (rel_h, rel_w)), relative)
    given_ = Rows(queries.reshape(-1), 1, depth + 3), depth, positions, Grid(height, width), packed(k, v, height, width)
    attend(*given_, tables, probability, Rows(out.reshape(-1), 2, depth + 3))
    without = np.full_like(out, POISON)
    attend(*given_, tables, np.empty((0, 0), np.float32), Rows(without.reshape(-1), 2, depth + 3))
    np.testing.assert_array_equal(without, out)
    rel = wide((rel_h, rel_w)) if relative else (None, None)
    expected = head_in_float64(*wide((q, k, v)), *rel, height, width)
    assert_within(probability, expected.probability[positions], expected.probability_bound[positions], "probability")
    assert_within(out[:, 2:-1], expected.result[positions], expected.result_bound[positions], "result")
    out[:, 2:-1] = POISON
    assert (out == POISON).all(), "written outside the rows and columns of the result"


@given(
    height=st.integers(1, 7), width=st.integers(1, 20), depth=st.integers(1, 19), peak=st.sampled_from([0.3, 4.0]),
    relative=st.booleans(), seed=seeds,
)  # fmt: skip
@example(height=1, width=1, depth=1, peak=4.0, relative=True, seed=0)
@example(height=5, width=7, depth=17, peak=4.0, relative=True, seed=0)
def test_attend(height, width, depth, peak, relative, seed):
    """Any queries, in any order."""
    tokens = height * width
    positions = np.random.default_rng(seed).permutation(tokens)[: 1 + seed % tokens]
    check_attend(height, width, depth, peak, relative, seed, positions)


@pytest.mark.parametrize("relative", [True, False])
@pytest.mark.parametrize(("height", "width"), [(37, 33), (3, 600), (1500, 1)], ids=str)
def test_attend_to_several_blocks_of_keys(height, width, relative):
    """The largest score of a row rises from block to block; the last block is shorter."""
    assert height * width > KEYS_PER_BLOCK
    positions = np.arange(0, height * width, 97)
    check_attend(height, width, 5, 4.0, relative, 0, positions)


def test_attention_of_the_examples_is_peaked():
    """The tests above look at rows with one large probability as well as at flat ones."""
    heads = [draw_head(5, 7, 17, peak, 0) for peak in (0.3, 4.0)]
    flat, peaked = (head_in_float64(*wide(head), 5, 7).probability.max() for head in heads)
    assert flat < 0.9 < peaked


@given(
    window=st.integers(1, 5), heads=st.integers(1, 4), depth=st.integers(1, 11), keep=st.booleans(),
    relative=st.booleans(), seed=seeds,
)  # fmt: skip
def test_attend_window(window, heads, depth, keep, relative, seed):
    """All heads of a window share the tables; probabilities are kept where they are wanted."""
    tokens = window * window
    own = [draw_head(window, window, depth, 3.0, seed + n) for n in range(heads)]
    rel_h, rel_w = own[0][3:]
    positions = np.random.default_rng(seed).permutation(tokens)[: 1 + seed % tokens]
    queries = np.concatenate([head[0][positions] for head in own], axis=1)  # [rows, heads * d]
    keys_values = np.concatenate([head[part] for part in (1, 2) for head in own], axis=1)  # [N, 2 * heads * d]
    probability = np.full((heads, len(positions), tokens) if keep else (1, 0, 0), POISON)
    out = np.full((len(positions), heads * depth), POISON)
    tables = [pack(table[::-1].T).panels for table in (rel_h, rel_w)]
    attend_window(queries, keys_values, heads, Grid(window, window), positions, RelativeTables(*tables, relative),
                  probability, out)  # fmt: skip
    rel = wide((rel_h, rel_w)) if relative else (None, None)
    for n, (q, k, v, _, _) in enumerate(own):
        expected = head_in_float64(*wide((q, k, v)), *rel, window, window)
        result, bound = expected.result[positions], expected.result_bound[positions]
        assert_within(out[:, n * depth : (n + 1) * depth], result, bound, f"head {n}")
        if keep:
            bound = expected.probability_bound[positions]
            assert_within(probability[n], expected.probability[positions], bound, f"probability {n}")


def test_huge_scores_do_not_overflow():
    """Scores of some ten thousands: the largest decides alone, and every number is finite."""
    q, k, v, _, _ = draw_head(2, 3, 4, 1e4, 0)
    out, probability = np.empty((6, 4), np.float32), np.empty((6, 6), np.float32)
    none = np.zeros(1, np.float32)
    queries, result = Rows(q.reshape(-1), 0, 4), Rows(out.reshape(-1), 0, 4)
    tables = RelativeTables(none, none, False)
    attend(queries, 4, np.arange(6), Grid(2, 3), packed(k, v, 2, 3), tables, probability, result)
    winner = (q.astype(np.float64) @ k.T.astype(np.float64)).argmax(axis=1)
    np.testing.assert_allclose(probability, np.eye(6)[winner], atol=1e-30)
    np.testing.assert_allclose(out, v[winner], rtol=1e-6)
