"""The blend of nine low-resolution products, against doubling each in float64, shifting and adding them."""

import numpy as np
from comparison import assert_within, summation_bound
from hypothesis import example, given
from hypothesis import strategies as st

from numpy_vitmatte.kernels.resize import add_upsampled_rows


def doubling_matrix(length):
    """(2 length, length): doubled sample 2 i lies 1/4 before source i, 2 i + 1 lies 1/4 after; the edges repeat."""
    matrix = np.zeros((2 * length, length))
    for i in range(length):
        for doubled, neighbour in ((2 * i, max(i - 1, 0)), (2 * i + 1, min(i + 1, length - 1))):
            matrix[doubled, i] += 0.75
            matrix[doubled, neighbour] += 0.25
    return matrix


def blend_in_float64(products):
    """(h, w, 3, 3, C) -> (2 h, 2 w, C): the products are doubled whole, and shifted with zeros coming in."""
    height, width, _, _, channels = products.shape
    maps = np.einsum("yh,xw,hwijc->yxijc", doubling_matrix(height), doubling_matrix(width), products)
    framed = np.pad(maps, ((1, 1), (1, 1), (0, 0), (0, 0), (0, 0)))
    out = np.zeros((2 * height, 2 * width, channels))
    for dy in range(3):
        for dx in range(3):
            out += framed[dy : dy + 2 * height, dx : dx + 2 * width, dy, dx]
    return out


@given(height=st.integers(1, 6), width=st.integers(1, 7), channels=st.integers(1, 19), seed=st.integers(0, 2**32 - 1))
@example(height=1, width=1, channels=3, seed=0)
@example(height=5, width=1, channels=2, seed=0)
def test_any_rows_of_the_doubled_convolution(height, width, channels, seed):
    """Rows ``2 first .. 2 last`` from the products of rows ``first - 1 .. last``, added to what is there."""
    generator = np.random.default_rng(seed)
    products = generator.standard_normal((height, width, 3, 3, channels)).astype(np.float32)
    first = int(generator.integers(height))
    last = int(generator.integers(first, height)) + 1
    above, below = max(first - 1, 0), min(last + 1, height)
    start = generator.standard_normal((2 * (last - first), 2 * width, channels)).astype(np.float32)
    out = start.copy()
    add_upsampled_rows(np.ascontiguousarray(products[above:below]), above, height, 2 * first, out)
    rows = slice(2 * first, 2 * last)
    expected = blend_in_float64(products.astype(np.float64))[rows] + start
    magnitude = blend_in_float64(np.abs(products).astype(np.float64))[rows] + np.abs(start)
    # Of 9 maps 4 neighbours each are added, in two passes with a weight each: at most 36 + 2 roundings on a term.
    assert_within(out, expected, summation_bound(36, magnitude))
