"""Keys and values of a piece, and a block of queries, in one call: as step by step, to the bit."""

import numpy as np
import pytest

from numpy_vitmatte.kernels.attention import attend, pack_keys_values, packed_sizes
from numpy_vitmatte.kernels.elementwise import normalize_rows
from numpy_vitmatte.kernels.fused.global_block import prepare_keys_values, transform_queries
from numpy_vitmatte.kernels.fused.residual_mlp import NO_MLP, NO_NORM, ResidualMlp, add_residual_mlp
from numpy_vitmatte.kernels.matmul import linear, pack

HEADS, DEPTH, HEIGHT, WIDTH = 2, 5, 5, 6
CHANNELS, TOKENS = HEADS * DEPTH, HEIGHT * WIDTH


def draw(*shape):
    return np.random.default_rng(sum(shape)).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize("normed", [False, True])
@pytest.mark.parametrize("finished", [False, True])
def test_as_step_by_step(keep, normed, finished):
    """Queries in any order; rows of others are not touched, nor are tokens before the norm."""
    tokens, before = draw(TOKENS, CHANNELS), draw(TOKENS, CHANNELS)
    query, keys_values, proj = (pack(draw(CHANNELS, n * CHANNELS), draw(n * CHANNELS)) for n in (1, 2, 1))
    norm = (draw(CHANNELS), draw(CHANNELS) + 1, 1e-6) if normed else NO_NORM
    sizes = packed_sizes(HEIGHT, WIDTH, DEPTH)
    keys, values, expected_keys, expected_values = (np.zeros((HEADS, size), np.float32) for size in (*sizes, *sizes))
    normalized = np.full_like(tokens, np.nan) if normed else tokens
    for piece in ((0, 0, 16), (0, 16, TOKENS)):
        prepare_keys_values(tokens, piece, HEIGHT, WIDTH, norm, HEADS, keys_values, keys, values, normalized)
    expected = normalize_rows(tokens, *norm) if normed else tokens
    np.testing.assert_array_equal(normalized, expected)
    for head in range(HEADS):
        pack_keys_values(linear(expected, keys_values).reshape(-1), 0, 0, TOKENS, HEIGHT, WIDTH, HEADS, DEPTH, head,
                         expected_keys[head], expected_values[head])  # fmt: skip
    np.testing.assert_array_equal(keys, expected_keys)
    np.testing.assert_array_equal(values, expected_values)

    positions, first = np.array([7, 0, 29, 12]), 3
    tables = *(pack(draw(DEPTH, 2 * side - 1)).panels for side in (HEIGHT, WIDTH)), True
    mlp = pack(draw(CHANNELS, 40), draw(40)), pack(draw(40, CHANNELS), draw(CHANNELS))
    after = ResidualMlp(draw(CHANNELS), draw(CHANNELS), 1e-6, *mlp) if finished else NO_MLP
    kept = np.full((HEADS, 8, TOKENS) if keep else (1, 0, 0), np.nan, np.float32)
    out = np.full_like(tokens, np.nan)
    attention = HEADS, query, proj
    transform_queries(before, normalized, positions, HEIGHT, WIDTH, attention, keys, values, tables, kept, first, keep,
                      after, out)  # fmt: skip

    queries, attended = linear(expected[positions], query), np.empty((4, CHANNELS), np.float32)
    for head in range(HEADS):
        probabilities = np.empty((4, TOKENS) if keep else (0, 0), np.float32)
        attend(queries.reshape(-1), head * DEPTH, CHANNELS, DEPTH, positions, HEIGHT, WIDTH, keys[head], values[head],
               *tables, probabilities, keep, attended.reshape(-1), head * DEPTH, CHANNELS)  # fmt: skip
        if keep:
            np.testing.assert_array_equal(kept[head, first : first + 4], probabilities)
    result = linear(attended, proj)
    if finished:
        add_residual_mlp(before[positions], result, after)
    np.testing.assert_array_equal(out[positions], result)
    assert np.isnan(np.delete(out, positions, axis=0)).all()
    assert not keep or np.isnan(np.delete(kept, range(first, first + 4), axis=1)).all()
