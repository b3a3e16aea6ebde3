"""Windows in one call: as norm, product, attention of each window, product and MLP, to the bit."""

import numpy as np
import pytest
from support.fused_blocks import draw, draw_block

from numpy_vitmatte.kernels.attention import RelativeTables, attend_window
from numpy_vitmatte.kernels.elementwise import normalize_rows
from numpy_vitmatte.kernels.fused.residual_mlp import add_residual_mlp
from numpy_vitmatte.kernels.fused.window_block import window_block_windows
from numpy_vitmatte.kernels.keys_values import Grid
from numpy_vitmatte.kernels.matmul import linear, pack

WINDOW, HEADS, DEPTH = 4, 3, 5
CHANNELS = HEADS * DEPTH
HEIGHT, WIDTH = 7, 9  # windows of 4 x 4, 4 x 1, 3 x 4 and 3 x 1 real tokens, three to a row


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize("finish", [False, True])
@pytest.mark.parametrize("numbers", [[1, 0], [2], [4, 3], [5]])
def test_as_step_by_step(numbers, keep, finish):
    """Whole windows, and such as reach into padding, whose tokens are zero after the norm. Others are not touched."""
    tokens, block = draw(HEIGHT, WIDTH, CHANNELS), draw_block(CHANNELS, HEADS)
    tables = RelativeTables(*(pack(draw(DEPTH, 2 * WINDOW - 1) + n).panels for n in range(2)), True)
    kept = np.full((6, HEADS, 16, 16) if keep else (1, 1, 0, 0), np.nan, np.float32)
    before, out = tokens.copy(), np.full_like(tokens, np.nan)
    window_block_windows(tokens, WINDOW, np.array(numbers), block, tables, kept, finish, out)

    positions = np.arange(16)
    for number in numbers:
        y, x = (WINDOW * n for n in divmod(number, 3))
        own = tokens[y : y + WINDOW, x : x + WINDOW].copy()
        rows, columns, _ = own.shape
        padded = np.zeros((WINDOW, WINDOW, CHANNELS), np.float32)
        padded[:rows, :columns] = normalize_rows(own, *block.norm1)
        padded, attended = padded.reshape(16, CHANNELS), np.empty((16, CHANNELS), np.float32)
        probabilities = np.empty((HEADS, 16, 16) if keep else (1, 0, 0), np.float32)
        attend_window(linear(padded, block.query), linear(padded, block.keys_values), HEADS, Grid(WINDOW, WINDOW),
                      positions, tables, probabilities, attended)  # fmt: skip
        result = linear(attended, block.proj).reshape(WINDOW, WINDOW, CHANNELS)[:rows, :columns]
        result = result.reshape(-1, CHANNELS).copy()
        if finish:
            add_residual_mlp(own.reshape(-1, CHANNELS), result, block.mlp)
        np.testing.assert_array_equal(out[y : y + rows, x : x + columns], result.reshape(own.shape))
        out[y : y + rows, x : x + columns] = np.nan
        if keep:
            np.testing.assert_array_equal(kept[number], probabilities)
    assert np.isnan(out).all()
    assert not keep or np.isnan(np.delete(kept, numbers, axis=0)).all()
    np.testing.assert_array_equal(tokens, before)
