"""Windows in one call: as product, attention of each window, product, to the bit."""

import numpy as np
import pytest

from numpy_vitmatte.kernels.attention import attend_window
from numpy_vitmatte.kernels.matmul import linear, pack
from numpy_vitmatte.kernels.windows import attend_windows


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize(("rows", "columns"), [(4, 4), (4, 1), (3, 2)])
def test_as_step_by_step(rows, columns, keep):
    """Whole windows, and such as reach into padding, whose tokens are the bias after a projection."""
    random, window, heads, depth = np.random.default_rng(1), 4, 3, 5
    channels = heads * depth

    def draw(*shape):
        return random.standard_normal(shape).astype(np.float32)

    tokens = draw(5, rows, columns, channels)
    query, keys_values, proj = (pack(draw(channels, size), draw(size)) for size in (channels, 2 * channels, channels))
    tables = [pack(draw(depth, 2 * window - 1)).panels for _ in range(2)]
    numbers = np.array([6, 0, 3, 1, 5])
    kept = np.full((7, heads, 16, 16) if keep else (1, 1, 0, 0), np.nan, np.float32)
    result = attend_windows(tokens, window, heads, query, keys_values, proj, *tables, True, numbers, kept, keep)

    frame = ((0, 0), (0, window - rows), (0, window - columns), (0, 0))
    padded = np.pad(tokens, frame)
    padded_queries, padded_keys_values = linear(padded, query), linear(padded, keys_values)
    positions, none = np.arange(16), np.empty((1, 0, 0), np.float32)
    for n, number in enumerate(numbers):
        attended = np.empty((16, channels), np.float32)
        probabilities = np.empty((heads, 16, 16), np.float32) if keep else none
        attend_window(padded_queries[n].reshape(-1), padded_keys_values[n].reshape(-1), heads, depth, window, positions,
                      *tables, True, probabilities, keep, attended.reshape(-1))  # fmt: skip
        expected = linear(attended, proj).reshape(window, window, channels)[:rows, :columns]
        np.testing.assert_array_equal(result[n], expected)
        if keep:
            np.testing.assert_array_equal(kept[number], probabilities)
    assert not keep or np.isnan(kept[[2, 4]]).all()
