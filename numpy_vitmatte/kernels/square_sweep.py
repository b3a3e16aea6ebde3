"""AMX tiles swept down the rows of one or two panels of outputs: ``matmul.sweep`` goes through the panels."""

import numpy as np

from numpy_vitmatte.kernels.elementwise import copy_run
from numpy_vitmatte.kernels.integers import lesser
from numpy_vitmatte.kernels.microkernel import (
    PANEL,
    square_narrow_tile,
    square_short_tile,
    square_small_tile,
    square_tile,
)
from numpy_vitmatte.kernels.tiles import TILE_ROWS
from numpy_vitmatte.runtime.jit import CALLED, EXACT_ORDER, INLINED, kernel
from numpy_vitmatte.runtime.workspace import aligned_scratch

_LEAST = np.intp(TILE_ROWS)
"""The rows of a tile; Numba would compile a kernel once more for a plain 16."""


@kernel(EXACT_ORDER, CALLED)
def full_squares(x, rows, segments, matrix, panel, wide, out):
    """Compute 16 rows or more by tiles of 16 or 32. The last tile slides back to stay full."""
    number, step, depth = segments
    panels, bias = matrix.panels, matrix.bias
    x_values, x_start, x_step = x
    out_values, out_start, out_step = out
    w_start, column, m = panel * number * depth * PANEL, panel * PANEL, 0
    while m < rows:
        tall = rows >= 2 * TILE_ROWS and rows - m > TILE_ROWS
        height = 2 * TILE_ROWS if tall else TILE_ROWS
        first = lesser(m, rows - height)
        x_first, start = x_start + first * x_step, out_start + first * out_step + column
        if tall and wide == 2:
            square_tile(x_values, x_first, x_step, number, step, depth, panels, w_start,
                        bias, column, out_values, start, out_step)  # fmt: skip
        elif tall:
            square_narrow_tile(x_values, x_first, x_step, number, step, depth, panels, w_start,
                               bias, column, out_values, start, out_step)  # fmt: skip
        elif wide == 2:
            square_short_tile(x_values, x_first, x_step, number, step, depth, panels, w_start,
                              bias, column, out_values, start, out_step)  # fmt: skip
        else:
            square_small_tile(x_values, x_first, x_step, number, step, depth, panels, w_start,
                              bias, column, out_values, start, out_step)  # fmt: skip
        m += height


@kernel(EXACT_ORDER, CALLED, allocates=True)
def _few_rows(x, rows, segments, matrix, panel, wide, out):
    """Compute fewer than 16 rows. ``x`` has some more, which are zero, and the result goes through scratch."""
    width, (values, start, step) = wide * PANEL, out
    whole = aligned_scratch(TILE_ROWS * width)
    full_squares(x, _LEAST, segments, matrix, panel, wide, (whole, -panel * PANEL, width))
    for r in range(rows):
        copy_run(whole, r * width, width, values, start + r * step + panel * PANEL)


@kernel(EXACT_ORDER, INLINED)
def column_of_squares(x, rows, segments, matrix, panel, wide, out):
    """Compute ``wide`` panels of outputs, from number ``panel`` on; ``out`` has the rows of panel 0."""
    # Tuples without a name, as that of the scratch: another type would compile the four tiles once more.
    if rows < TILE_ROWS:
        _few_rows(x, rows, segments, matrix, panel, wide, (out[0], out[1], out[2]))
    else:
        full_squares(x, rows, segments, matrix, panel, wide, (out[0], out[1], out[2]))
