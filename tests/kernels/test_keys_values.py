"""Packed keys and values against ``pack``."""

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from numpy_vitmatte.kernels.keys_values import (
    Grid,
    Head,
    KeyChunk,
    KeysValues,
    pack_keys_values,
    packed_sizes,
    rows_of_keys,
)
from numpy_vitmatte.kernels.matmul import pack
from numpy_vitmatte.kernels.microkernel import PANEL

POISON = np.float32(-7.25e30)

seeds = st.integers(0, 2**32 - 1)


@given(
    height=st.integers(1, 6), width=st.integers(1, 7), heads=st.integers(1, 3), depth=st.integers(1, 19),
    panels=st.integers(1, 2), seed=seeds,
)  # fmt: skip
@example(height=3, width=200, heads=2, depth=16, panels=3, seed=0)
@example(height=6, width=171, heads=2, depth=17, panels=12, seed=0)
def test_keys_and_values_are_packed_as_matrices(height, width, heads, depth, panels, seed):
    """Each block as ``pack`` lays it out, piece by piece, keys divided by the root of d, from among the other heads.

    The last key stands again behind itself, up to a whole panel.
    """
    tokens, rows = height * width, rows_of_keys(width)
    keys_values = np.random.default_rng(seed).standard_normal((tokens, 2, heads, depth)).astype(np.float32)
    for head in range(heads):
        keys, values = (np.full(size, POISON) for size in packed_sizes(height, width, depth))
        expected_keys, expected_values = [], []
        for block in range(-(-height // rows)):
            own = keys_values[block * rows * width : (block + 1) * rows * width]
            for begin in range(0, len(own), PANEL * panels):
                piece = own[begin : begin + PANEL * panels].reshape(-1, 2 * heads * depth)
                chunk = KeyChunk(block, begin, begin + len(piece))
                pack_keys_values(piece, chunk, Grid(height, width), Head(head, heads), KeysValues(keys, values))
            own_keys = np.pad(own[:, 0, head], ((0, -len(own) % PANEL), (0, 0)), mode="edge")
            expected_keys.append(pack(own_keys.T * np.float32(depth**-0.5)).panels)
            expected_values.append(pack(own[:, 1, head]).panels)
        expected = np.concatenate(expected_keys)
        np.testing.assert_array_equal(keys[: expected.size], expected)
        np.testing.assert_array_equal(values, np.concatenate(expected_values))
