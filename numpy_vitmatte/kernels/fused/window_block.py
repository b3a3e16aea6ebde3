"""A transformer block for some windows of one shape, in one call.

Each step alone would take some tens of microseconds, and a thread that comes back from a kernel may have to wait as
long for Python's lock.
"""

import numpy as np

from numpy_vitmatte.kernels.attention import attend_window
from numpy_vitmatte.kernels.elementwise import copy_run, normalize
from numpy_vitmatte.kernels.fused.residual_mlp import add_residual_mlp
from numpy_vitmatte.kernels.integers import lesser
from numpy_vitmatte.kernels.keys_values import Grid
from numpy_vitmatte.kernels.matmul import project
from numpy_vitmatte.kernels.views import flattened, view
from numpy_vitmatte.runtime.jit import CALLED, EXACT_ORDER, NO, PART, YES, ZERO, kernel
from numpy_vitmatte.runtime.workspace import aligned_scratch


@kernel(EXACT_ORDER, CALLED)
def _padded(projected, start, real, window, matrix, out):
    """Fill a window's projected tokens (window**2 * columns,): the ``real`` ones, a ``Grid``, and those of zero tokens.

    The projection of a zero token is the bias.
    """
    size = matrix.columns
    for y in range(window):
        columns = real.width if y < real.height else 0
        copy_run(projected, start + y * real.width * size, columns * size, out, y * window * size)
        for x in range(columns, window):
            copy_run(matrix.bias, ZERO, size, out, (y * window + x) * size)


@kernel(EXACT_ORDER, CALLED, allocates=True)
def _positions(window, rows, columns):
    """Return the places of the first ``rows`` and ``columns`` of a window's tokens, counted row by row."""
    positions = np.empty(rows * columns, np.int64)
    for n in range(positions.size):
        positions[n] = n // columns * window + n % columns
    return positions


@kernel(EXACT_ORDER, PART)
def _attend(tokens, real, window, block, tables, numbers, probabilities):
    """Apply attention to some windows, from their real tokens (number * rows * columns * C,) to its result.

    The result includes that of padded tokens where probabilities are kept.
    """
    query, keys_values, keep = block.query, block.keys_values, probabilities.size > 0
    count, size, number, channels = real.height * real.width, window * window, numbers.size, query.columns
    positions = _positions(window, window, window) if keep else _positions(window, real.height, real.width)
    asking, padded = positions.size, count < size
    projected = project(tokens, number * count, keys_values)
    queries = project(tokens, number * count, query)
    own_keys_values = aligned_scratch(size * 2 * channels if padded else 0)
    own_queries = aligned_scratch(size * channels if padded else 0)
    attended = aligned_scratch(number * asking * channels)
    for n in range(number):
        first, length = n * count * channels, count * channels
        own_kv, own_q = view(projected, 2 * first, (2 * length,)), view(queries, first, (length,))
        if padded:
            _padded(projected, 2 * first, real, window, keys_values, own_keys_values)
            own_kv = own_keys_values
        if padded and keep:
            _padded(queries, first, real, window, query, own_queries)
            own_q = own_queries
        own_q, own_kv = view(own_q, ZERO, (asking, channels)), view(own_kv, ZERO, (size, 2 * channels))
        out = view(attended, n * asking * channels, (asking, channels))
        attend_window(own_q, own_kv, block.heads, Grid(window, window), positions, tables,
                      probabilities[numbers[n] if keep else 0], out)  # fmt: skip
    return project(attended, number * asking, block.proj)


@kernel(EXACT_ORDER, CALLED)
def _copy_windows(grid, numbers, window, rows, columns, values, back):
    """Copy windows' real tokens to ``values`` (number * rows * columns * C,), one window after the other, or back."""
    _, width, channels = grid.shape
    across, run, flat = -(-width // window), columns * channels, flattened(grid)
    for n in range(numbers.size * rows):
        y, x = divmod(numbers[n // rows], across)
        start = ((y * window + n % rows) * width + x * window) * channels
        if back:
            copy_run(values, n * run, run, flat, start)
        else:
            copy_run(flat, start, run, values, n * run)


@kernel(EXACT_ORDER, CALLED, allocates=True)
def _only_real(values, number, window, rows, columns, channels):
    """Drop the padded tokens: (number, window, window, C) -> (number, rows, columns, C)."""
    out, run = aligned_scratch(number * rows * columns * channels), columns * channels
    for n in range(number * rows):
        start = (n // rows * window + n % rows) * window * channels
        copy_run(values, start, run, out, n * run)
    return out


@kernel(EXACT_ORDER, allocates=True)
def window_block_windows(tokens, window, numbers, block, tables, probabilities, finish, out):
    """Compute a transformer block for some windows of a grid, all of one shape inside it.

    Parameters
    ----------
    tokens : float32 array (h, w, C)
    window : int
        Side of a window. Where it reaches beyond the grid its tokens are zero after the norm.
    numbers : int64 array (number,)
        Numbers of the windows, counted row by row.
    block : Block
    tables : RelativeTables
        Tables for a grid of ``window`` x ``window`` tokens.
    probabilities : float32 array (windows, heads, window**2, window**2)
        Filled with the attention probabilities, of padded tokens too, unless it is empty: (1, 1, 0, 0).
    finish : bool
        True if ``add_residual_mlp`` follows. Without it the result is that of attention.
    out : float32 array (h, w, C)
        The windows are filled.
    """
    height, width, channels = tokens.shape
    y, x = divmod(numbers[0], -(-width // window))
    rows, columns = lesser(window, height - y * window), lesser(window, width - x * window)
    number, real, norm = numbers.size, rows * columns, block.norm1
    own = aligned_scratch(number * real * channels)
    _copy_windows(tokens, numbers, window, rows, columns, own, NO)
    normalized, per_token = aligned_scratch(own.size), view(own, ZERO, (number * real, channels))
    normalize(per_token, norm.weight, norm.bias, norm.epsilon, view(normalized, ZERO, (number * real, channels)))
    result = _attend(normalized, Grid(rows, columns), window, block, tables, numbers, probabilities)
    if result.size > own.size:
        result = _only_real(result, number, window, rows, columns, channels)
    if finish:
        add_residual_mlp(per_token, view(result, ZERO, (number * real, channels)), block.mlp)
    _copy_windows(out, numbers, window, rows, columns, result, YES)
