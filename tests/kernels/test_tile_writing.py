"""Tiles written from numbers in memory: as packed matrices of the same numbers."""

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from numpy_vitmatte.kernels.tile_packing import pack_tiles
from numpy_vitmatte.kernels.tile_writing import tile_of_columns, tile_of_rows

SIZE, STEP, FACTOR = 512, 61, np.float32(0.3)


def compiled(function):
    return numba.njit(lambda *arguments: function(*arguments))


of_rows, of_columns = compiled(tile_of_rows), compiled(tile_of_columns)


@pytest.mark.parametrize("dtype", [np.int16, np.int32])
@settings(max_examples=30)
@given(st.integers(0, 40), st.integers(0, 20), st.booleans(), st.integers(0, 2**32 - 1))
def test_a_tile(dtype, rows, columns, transposed, seed):
    """Up to 32 rows of 16 columns of a larger array, which ends with the last of them; NaN elsewhere is not read."""
    rng, inside = np.random.default_rng(seed), (min(rows, 32), min(columns, 16))
    lines = inside[::-1] if transposed else inside
    grid, first = np.full((lines[0] + 1, STEP), np.nan, np.float32), STEP + 5
    numbers = rng.standard_normal(inside).astype(np.float32)
    grid[1:, 5 : 5 + lines[1]] = numbers.T if transposed else numbers
    x, out = grid.reshape(-1), np.full(3 * SIZE, 7, dtype)
    if transposed:
        of_columns(x, first, STEP, (rows, columns), FACTOR, out, SIZE)
        numbers = numbers * FACTOR
    else:
        of_rows(x, first, STEP, (rows, columns), out, SIZE)
    whole = np.zeros((32, 16), np.float32)
    whole[: inside[0], : inside[1]] = numbers
    np.testing.assert_array_equal(out[SIZE : 2 * SIZE], pack_tiles(whole, 32, 1, dtype))
    assert (np.delete(out, range(SIZE, 2 * SIZE)) == 7).all()
