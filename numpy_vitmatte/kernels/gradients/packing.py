"""Arrays laid out for products that sum over pixels: inputs turned, gradients in panels.

The micro-kernel sums over neighboring numbers of its input. The gradient of a weight sums over pixels, so there the
pixels of one channel must be neighbors.
"""

import numpy as np

from numpy_vitmatte.kernels.gradients.transpose import transpose_squares
from numpy_vitmatte.kernels.integers import lesser
from numpy_vitmatte.kernels.matmul import whole_panels
from numpy_vitmatte.kernels.microkernel import PANEL
from numpy_vitmatte.kernels.vectors import copy_lanes
from numpy_vitmatte.kernels.views import flattened
from numpy_vitmatte.runtime.jit import CALLED, EXACT_ORDER, INLINED, ZERO, kernel

float32 = np.float32


@kernel(EXACT_ORDER, INLINED)
def odd_lines(count):
    """Round a row's length up to an odd number of cache lines, which spreads rows over a cache's sets."""
    return whole_panels(count) | PANEL


@kernel(EXACT_ORDER, CALLED)
def transpose_to(x, start, step, rows, columns, out, out_start, out_step):
    """Set ``out[out_start + c * out_step + r] = x[start + r * step + c]`` for ``rows`` and ``columns`` of flat arrays.

    Sixteen rows at a time stay in the first-level cache while each of their columns becomes one line.
    """
    for first in range(0, rows, PANEL):
        source, target = start + first * step, out_start + first
        if rows - first < PANEL or columns < PANEL:
            for c in range(columns):
                for r in range(lesser(PANEL, rows - first)):
                    out[target + c * out_step + r] = x[source + r * step + c]
            continue
        transpose_squares(x, source, step, columns // PANEL, out, target, out_step)
        if columns % PANEL:  # the last square begins within the one before
            begin = columns - PANEL
            transpose_squares(x, source + begin, step, 1, out, target + begin * out_step, out_step)


@kernel(EXACT_ORDER, CALLED)
def pack_rows(x, start, step, rows, columns, out, out_start, out_rows):
    """Copy rows of a flat array into panels of 16 columns, zeros behind the last column.

    Row ``r`` of panel ``p`` begins at ``out[out_start + (p * out_rows + r) * 16]``.
    """
    for first in range(0, columns, PANEL):
        target, source = out_start + first * out_rows, start + first
        if columns - first >= PANEL:
            for r in range(rows):
                copy_lanes(x, source + r * step, PANEL, out, target + r * PANEL)
        else:
            for r in range(rows):
                for c in range(PANEL):
                    out[target + r * PANEL + c] = x[source + r * step + c] if first + c < columns else float32(0)


@kernel(EXACT_ORDER, CALLED)
def pack_columns(x, rows, depth, out):
    """Pack the transpose of ``rows`` x ``depth`` numbers: the packed matrix (depth, rows), zeros behind the last."""
    for first in range(0, rows, PANEL):
        source, begin = first * depth, 0
        if rows - first >= PANEL:
            begin = depth // PANEL * PANEL
            transpose_squares(x, source, depth, depth // PANEL, out, source, PANEL)
        for k in range(begin, depth):
            for j in range(PANEL):
                out[source + k * PANEL + j] = x[source + j * depth + k] if first + j < rows else float32(0)


@kernel(EXACT_ORDER)
def pack_block(x, first, rows, out):
    """Copy some rows (any number, columns) to their places, from ``first`` on, in panels of ``rows`` rows."""
    count, columns = x.shape
    pack_rows(flattened(x), ZERO, columns, count, columns, out, first * PANEL, rows)
