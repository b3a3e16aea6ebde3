"""A chunk of keys and values, and some queries, in one call: as step by step, to the bit."""

import numpy as np
import pytest
from support.fused_blocks import draw, draw_block

from numpy_vitmatte.kernels.attention import RelativeTables, attend
from numpy_vitmatte.kernels.elementwise import normalize_rows
from numpy_vitmatte.kernels.fused.global_block import global_block_keys, global_block_queries
from numpy_vitmatte.kernels.fused.residual_mlp import add_residual_mlp
from numpy_vitmatte.kernels.keys_values import Grid, Head, KeyChunk, KeysValues, pack_keys_values, packed_sizes
from numpy_vitmatte.kernels.matmul import Rows, linear, pack

HEADS, DEPTH, HEIGHT, WIDTH = 2, 5, 5, 6
CHANNELS, TOKENS, GRID = HEADS * DEPTH, HEIGHT * WIDTH, Grid(HEIGHT, WIDTH)


def prepared(tokens, block):
    """Keys and values of all tokens, and the normalized tokens: by chunks, and checked against one step at a time."""
    sizes = packed_sizes(HEIGHT, WIDTH, DEPTH)
    keys, values, expected_keys, expected_values = (np.zeros((HEADS, size), np.float32) for size in (*sizes, *sizes))
    normalized = np.full_like(tokens, np.nan)
    for chunk in (KeyChunk(0, 0, 16), KeyChunk(0, 16, TOKENS)):
        global_block_keys(tokens, chunk, block.norm1, HEADS, block.keys_values, KeysValues(keys, values), normalized)
    np.testing.assert_array_equal(normalized, normalize_rows(tokens, *block.norm1))
    projected = linear(normalized, block.keys_values).reshape(TOKENS, -1)
    for head in range(HEADS):
        expected = KeysValues(expected_keys[head], expected_values[head])
        pack_keys_values(projected, KeyChunk(0, 0, TOKENS), GRID, Head(head, HEADS), expected)
    np.testing.assert_array_equal(keys, expected_keys)
    np.testing.assert_array_equal(values, expected_values)
    return KeysValues(keys, values), normalized


@pytest.mark.parametrize("keep", [False, True])
def test_as_step_by_step(keep):
    """Queries in any order; normalized tokens of others are not touched, nor are tokens before the norm."""
    tokens, block = draw(HEIGHT, WIDTH, CHANNELS), draw_block(CHANNELS, HEADS)
    before = tokens.copy()
    packed, normalized = prepared(tokens, block)
    flat, before_flat = normalized.reshape(TOKENS, CHANNELS), tokens.reshape(TOKENS, CHANNELS)
    positions, first = np.array([7, 0, 29, 12]), 3
    tables = RelativeTables(*(pack(draw(DEPTH, 2 * side - 1)).panels for side in (HEIGHT, WIDTH)), True)
    kept = np.full((HEADS, 8, TOKENS) if keep else (1, 0, 0), np.nan, np.float32)
    queries, attended = linear(flat[positions], block.query), np.empty((4, CHANNELS), np.float32)
    others = np.delete(flat, positions, axis=0)
    global_block_queries(tokens, normalized, positions, block, packed, tables, kept, first)

    for head in range(HEADS):
        probabilities = np.empty((4, TOKENS) if keep else (0, 0), np.float32)
        own = KeysValues(packed.keys[head], packed.values[head])
        attend(Rows(queries.reshape(-1), head * DEPTH, CHANNELS), DEPTH, positions, GRID, own, tables, probabilities,
               Rows(attended.reshape(-1), head * DEPTH, CHANNELS))  # fmt: skip
        if keep:
            np.testing.assert_array_equal(kept[head, first : first + 4], probabilities)
    result = linear(attended, block.proj)
    add_residual_mlp(before_flat[positions], result, block.mlp)
    np.testing.assert_array_equal(flat[positions], result)
    np.testing.assert_array_equal(np.delete(flat, positions, axis=0), others)
    assert not keep or np.isnan(np.delete(kept, range(first, first + 4), axis=1)).all()
    np.testing.assert_array_equal(tokens, before)
