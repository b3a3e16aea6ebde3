"""Some windows of one shape in one call, from their tokens to what a transformer block makes of them.

Each step alone would take some tens of microseconds, and a thread that comes back from a kernel may have to wait as
long for Python's lock.
"""

import numpy as np

from numpy_vitmatte.kernels.attention import attend_window
from numpy_vitmatte.kernels.elementwise import copy_run, normalize
from numpy_vitmatte.kernels.fused.residual_mlp import add_residual_mlp
from numpy_vitmatte.kernels.matmul import multiply, project
from numpy_vitmatte.runtime.jit import EXACT_ORDER, ZERO, kernel
from numpy_vitmatte.runtime.workspace import aligned_scratch


@kernel(EXACT_ORDER)
def _padded(projected, start, rows, columns, window, matrix, out):
    """A window's real tokens after a projection, and what it makes of all-zero ones: its bias."""
    size = matrix.columns
    for y in range(window):
        real = columns if y < rows else 0
        copy_run(projected, start + y * columns * size, real * size, out, y * window * size)
        for x in range(real, window):
            copy_run(matrix.bias, ZERO, size, out, (y * window + x) * size)


@kernel(EXACT_ORDER)
def _attend(tokens, number, rows, columns, window, attention, positions, tables, numbers, probabilities, keep, out):
    """``number`` windows' real tokens, (number * rows * columns * C,), to their result, (number * asking * C,)."""
    heads, query, keys_values, proj = attention
    table_h, table_w, relative = tables
    channels, real, asking = query.columns, rows * columns, positions.size
    projected = project(tokens, number * real, keys_values)
    queries = project(tokens, number * real, query)
    padded = real < window * window
    own_keys_values = aligned_scratch(window * window * 2 * channels if padded else 0)
    own_queries = aligned_scratch(window * window * channels if padded else 0)
    attended = aligned_scratch(number * asking * channels)
    for n in range(number):
        first = n * real * channels
        own_kv, own_q = projected[2 * first : 2 * (first + real * channels)], queries[first : first + real * channels]
        if padded:
            _padded(projected, 2 * first, rows, columns, window, keys_values, own_keys_values)
            own_kv = own_keys_values
        if padded and keep:
            _padded(queries, first, rows, columns, window, query, own_queries)
            own_q = own_queries
        attend_window(own_q, own_kv, heads, channels // heads, window, positions, table_h, table_w, relative,
                      probabilities[numbers[n] if keep else 0], keep,
                      attended[n * asking * channels : (n + 1) * asking * channels])  # fmt: skip
    multiply(attended, number * asking, proj, out)


@kernel(EXACT_ORDER)
def _copy_windows(grid, numbers, window, rows, columns, values, back):
    """The real tokens of windows to ``values`` (number * rows * columns * C,), one window after the other, or back."""
    _, width, channels = grid.shape
    across, run, flat = -(-width // window), columns * channels, grid.reshape(-1)
    for n in range(numbers.size * rows):
        y, x = divmod(numbers[n // rows], across)
        start = ((y * window + n % rows) * width + x * window) * channels
        if back:
            copy_run(values, n * run, run, flat, start)
        else:
            copy_run(flat, start, run, values, n * run)


@kernel(EXACT_ORDER)
def _positions(window, rows, columns):
    """The first ``rows`` and ``columns`` of a window's tokens, counted row by row."""
    positions = np.empty(rows * columns, np.int64)
    for n in range(positions.size):
        positions[n] = n // columns * window + n % columns
    return positions


@kernel(EXACT_ORDER)
def _only_real(values, number, window, rows, columns, channels):
    """Of (number, window, window, C) the first ``rows`` and ``columns``."""
    out, run = aligned_scratch(number * rows * columns * channels), columns * channels
    for n in range(number * rows):
        start = (n // rows * window + n % rows) * window * channels
        copy_run(values, start, run, out, n * run)
    return out


@kernel(EXACT_ORDER)
def transform_windows(tokens, window, numbers, norm, attention, tables, probabilities, keep, after, out):
    """Layer norm, attention inside windows, and what follows it: some windows of a grid, all of one shape inside it.

    Parameters
    ----------
    tokens : float32 array (h, w, C)
    window : int
        Side of a window. Where it reaches beyond the grid its tokens are zero after the norm.
    numbers : int64 array (number,)
        Of the windows, counted row by row.
    norm : (float32 array (C,), float32 array (C,), float)
        Scale, shift and epsilon of the layer norm. Without channels there is none.
    attention : (int, PackedMatrix, PackedMatrix, PackedMatrix)
        Heads; projections to queries (C, C), to keys and values (C, 2 C), and at the end (C, C).
    tables : (array, array, bool)
        Relative positions along both axes, packed matrices (C / heads, 2 window - 1), and whether they are used.
    probabilities, keep : float32 array (windows, heads, window**2, window**2), bool
        With ``keep`` filled with the attention probabilities, of padded tokens too; else (1, 1, 0, 0) will do.
    after : ResidualMlp
        Without channels the result is that of attention.
    out : float32 array (h, w, C)
        The windows are filled. It may be ``tokens`` itself.
    """
    height, width, channels = tokens.shape
    y, x = divmod(numbers[0], -(-width // window))
    rows, columns = min(window, height - y * window), min(window, width - x * window)
    number, real = numbers.size, rows * columns
    own = aligned_scratch(number * real * channels)
    _copy_windows(tokens, numbers, window, rows, columns, own, False)
    normalized, per_token = own, own.reshape(number * real, channels)
    if norm[0].size:
        normalized = aligned_scratch(own.size)
        normalize(per_token, norm[0], norm[1], norm[2], normalized.reshape(number * real, channels))
    # The probabilities of padded tokens are wanted, too.
    positions = _positions(window, window, window) if keep else _positions(window, rows, columns)
    result = aligned_scratch(number * positions.size * channels)
    _attend(normalized, number, rows, columns, window, attention, positions, tables, numbers, probabilities, keep,
            result)  # fmt: skip
    if positions.size > real:
        result = _only_real(result, number, window, rows, columns, channels)
    if after.weight.size:
        add_residual_mlp(per_token, result.reshape(number * real, channels), after)
    _copy_windows(out, numbers, window, rows, columns, result, True)
