"""Attention of one head, and of all heads of a window, against float64."""

from typing import NamedTuple

import numpy as np
from comparison import UNIT, assert_within, summation_bound
from hypothesis import example, given
from hypothesis import strategies as st

from numpy_vitmatte.kernels.attention import attend, attend_window, pack_keys, pack_values, softmax_rows
from numpy_vitmatte.kernels.matmul import pack, packed_size

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


@given(tokens=st.integers(1, 37), depth=st.integers(1, 19), start=st.integers(0, 5), gap=st.integers(0, 7), seed=seeds)
def test_keys_and_values_are_packed_as_matrices(tokens, depth, start, gap, seed):
    """Gathered from among queries and other heads, to the layout that ``pack`` gives, zeros included."""
    step = depth + gap
    qkv = np.random.default_rng(seed).standard_normal(start + tokens * step).astype(np.float32)
    matrix = qkv[start:].reshape(tokens, step)[:, :depth]
    keys = np.full(packed_size(depth, tokens), POISON)
    pack_keys(qkv, start, step, tokens, depth, keys)
    np.testing.assert_array_equal(keys, pack(matrix.T).panels)
    values = np.full(packed_size(tokens, depth), POISON)
    pack_values(qkv, start, step, tokens, depth, values)
    np.testing.assert_array_equal(values, pack(matrix).panels)


@given(
    height=st.integers(1, 7), width=st.integers(1, 7), depth=st.integers(1, 19), peak=st.sampled_from([0.3, 4.0]),
    relative=st.booleans(), seed=seeds,
)  # fmt: skip
@example(height=1, width=1, depth=1, peak=4.0, relative=True, seed=0)
@example(height=5, width=7, depth=17, peak=4.0, relative=True, seed=0)
def test_attend(height, width, depth, peak, relative, seed):
    """Any block of queries, from an interleaved array into one, with probabilities left in the scores."""
    tokens, pitch = height * width, 3 * depth + 2
    q, k, v, rel_h, rel_w = draw_head(height, width, depth, peak, seed)
    qkv = np.zeros((tokens, pitch), np.float32)
    qkv[:, 1 : 1 + depth], qkv[:, 1 + depth : 1 + 2 * depth], qkv[:, 1 + 2 * depth : -1] = q, k, v
    first = seed % tokens
    rows = 1 + (seed // 7) % (tokens - first)
    scores, out = np.full((rows, tokens), POISON), np.full((tokens, depth + 3), POISON)
    tables = [pack(table[::-1].T).panels for table in (rel_h, rel_w)]
    sums = attend(qkv.reshape(-1), 1, pitch, depth, first, rows, height, width, pack(k.T).panels, pack(v).panels,
                  *tables, relative, scores, out.reshape(-1), 2, depth + 3)  # fmt: skip
    rel = wide((rel_h, rel_w)) if relative else (None, None)
    expected = head_in_float64(*wide((q, k, v)), *rel, height, width)
    block = slice(first, first + rows)
    assert_within(scores / sums[:, None], expected.probability[block], expected.probability_bound[block], "probability")
    assert_within(out[block, 2:-1], expected.result[block], expected.result_bound[block], "result")
    out[block, 2:-1] = POISON
    assert (out == POISON).all(), "written outside the rows and columns of the result"


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
    """All heads of a window share the tables; with a plane of scores for each, probabilities are left there."""
    tokens = window * window
    own = [draw_head(window, window, depth, 3.0, seed + n) for n in range(heads)]
    rel_h, rel_w = own[0][3:]
    qkv = np.concatenate([head[part] for part in range(3) for head in own], axis=1)  # [N, 3 * heads * d]
    scores = np.full((heads if keep else 1, tokens, tokens), POISON)
    out = np.full((tokens, heads * depth), POISON)
    tables = [pack(table[::-1].T).panels for table in (rel_h, rel_w)]
    attend_window(qkv.reshape(-1), heads, depth, window, *tables, relative, scores, out.reshape(-1))
    rel = wide((rel_h, rel_w)) if relative else (None, None)
    for n, (q, k, v, _, _) in enumerate(own):
        expected = head_in_float64(*wide((q, k, v)), *rel, window, window)
        assert_within(out[:, n * depth : (n + 1) * depth], expected.result, expected.result_bound, f"head {n}")
        if keep or heads == 1:
            assert_within(scores[n], expected.probability, expected.probability_bound, f"probability {n}")


@given(size=st.tuples(st.integers(1, 5), st.integers(1, 6)), scale=st.floats(0.1, 2.0), seed=seeds)
def test_softmax_rows_of_huge_scores(size, scale, seed):
    """Scores of some thousands do not overflow: the maximum becomes 1, what is far below it next to nothing."""
    height, width = size
    scores = (np.random.default_rng(seed).standard_normal((2, height * width)) * 5000).astype(np.float32)
    expected = scores.astype(np.float64) * float(np.float32(scale))
    distance = expected - expected.max(axis=1, keepdims=True)
    nothing = np.zeros((2, 1), np.float32)
    sums = softmax_rows(scores, 0, height, width, np.float32(scale), nothing, nothing, False)
    # Two roundings of a score and one of the difference, each at most 2**-24 of the largest score.
    share = np.expm1(4 * UNIT * np.abs(expected).max()) + 8 * UNIT
    assert_within(scores, np.exp(distance), share * np.exp(distance) + 2e-38)
    assert_within(sums, np.exp(distance).sum(axis=1), (share + scores.shape[1] * UNIT) * height * width)
