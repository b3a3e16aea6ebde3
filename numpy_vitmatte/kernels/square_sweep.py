"""AMX tiles swept down the rows of one or two panels of outputs: ``matmul.sweep`` goes through the panels."""

from numpy_vitmatte.kernels.elementwise import copy_run
from numpy_vitmatte.kernels.integers import greater, lesser
from numpy_vitmatte.kernels.microkernel import (
    PANEL,
    square_narrow_tile,
    square_short_tile,
    square_small_tile,
    square_tile,
)
from numpy_vitmatte.kernels.tiles import TILE_ROWS
from numpy_vitmatte.runtime.jit import CALLED, EXACT_ORDER, kernel
from numpy_vitmatte.runtime.workspace import aligned_scratch


@kernel(EXACT_ORDER, CALLED, allocates=True)
def column_of_squares(x, rows, segments, matrix, panel, wide, out):
    """Compute ``wide`` panels of outputs, from number ``panel`` on; ``out`` has the rows of panel 0.

    A tile has 16 rows or 32. The last one slides back to stay full. Where there are fewer than 16 rows, ``x`` has some
    more, which are zero, and the result goes through scratch.
    """
    # All leave their tuples once, as in `matmul._column_of_tiles`.
    number, step, depth = segments
    # They leave their tuples once: each time in a loop would count a reference.
    panels, bias = matrix.panels, matrix.bias
    x_values, x_start, x_step = x
    out_values, out_start, out_step = out
    panel_size, column = number * depth * PANEL, panel * PANEL
    w_start, width, few = panel * panel_size, wide * PANEL, rows < TILE_ROWS
    target, start, target_step = out_values, out_start + column, out_step
    if few:
        target, start, target_step = aligned_scratch(TILE_ROWS * width), 0 * width, width
    m = 0
    while m < rows:
        tall = rows >= 2 * TILE_ROWS and rows - m > TILE_ROWS
        height = 2 * TILE_ROWS if tall else TILE_ROWS
        first = greater(lesser(m, rows - height), 0)
        x_first, o = x_start + first * x_step, start + first * target_step
        if tall and wide == 2:
            square_tile(x_values, x_first, x_step, number, step, depth, panels, w_start,
                        bias, column, target, o, target_step)  # fmt: skip
        elif tall:
            square_narrow_tile(x_values, x_first, x_step, number, step, depth, panels, w_start,
                               bias, column, target, o, target_step)  # fmt: skip
        elif wide == 2:
            square_short_tile(x_values, x_first, x_step, number, step, depth, panels, w_start,
                              bias, column, target, o, target_step)  # fmt: skip
        else:
            square_small_tile(x_values, x_first, x_step, number, step, depth, panels, w_start,
                              bias, column, target, o, target_step)  # fmt: skip
        m += height
    for r in range(rows if few else 0):
        copy_run(target, r * width, width, out_values, out_start + r * out_step + column)
