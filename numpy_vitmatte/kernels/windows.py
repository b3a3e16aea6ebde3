"""Some windows of one shape from their tokens to their result, in one call: three products, attention in between.

Each step alone would take some tens of microseconds, and a thread that comes back from a kernel may have to wait as
long for Python's lock.
"""

import numpy as np

from numpy_vitmatte.kernels.activations import copy_run
from numpy_vitmatte.kernels.alignment import aligned_scratch
from numpy_vitmatte.kernels.attention import attend_window
from numpy_vitmatte.kernels.jit import EXACT_ORDER, ZERO, kernel
from numpy_vitmatte.kernels.matmul import PackedMatrix, multiply_rows, project


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
def _attend_windows(tokens, number, rows, columns, window, heads, query, keys_values, proj, positions,
                    table_h, table_w, relative, numbers, probabilities, keep, out):  # fmt: skip
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
    multiply_rows(attended, number * asking, proj.depth, proj.panels, proj.bias, out, proj.columns)


def attend_windows(
    tokens: np.ndarray,
    window: int,
    heads: int,
    query: PackedMatrix,
    keys_values: PackedMatrix,
    proj: PackedMatrix,
    table_h: np.ndarray,
    table_w: np.ndarray,
    relative: bool,
    numbers: np.ndarray,
    probabilities: np.ndarray,
    keep: bool,
) -> np.ndarray:
    """Attention inside windows, from projection to projection.

    Parameters
    ----------
    tokens : float32 array (number, rows, columns, C)
        Each window's real tokens, its first ``rows`` and ``columns``; the others are zero.
    window : int
        Side of a window.
    heads : int
    query, keys_values, proj : PackedMatrix
        (C, C), (C, 2 C) and (C, C).
    table_h, table_w : packed matrices (C / heads, 2 window - 1)
    relative : bool
        Whether the tables are used.
    numbers : int64 array (number,)
        Of each window in ``probabilities``.
    probabilities, keep : float32 array (windows, heads, window**2, window**2), bool
        With ``keep`` filled with the attention probabilities, of padded tokens too; else (1, 1, 0, 0) will do.

    Returns
    -------
    float32 array (number, rows, columns, C)
        After the output projection; a view.
    """
    number, rows, columns, channels = tokens.shape
    shape = (window, window) if keep else (rows, columns)  # the probabilities of padded tokens are wanted, too
    positions = np.arange(window * window).reshape(window, window)[: shape[0], : shape[1]].flatten()
    out = np.empty((number, *shape, channels), np.float32)
    _attend_windows(tokens.reshape(-1), number, rows, columns, window, heads, query, keys_values, proj, positions,
                    table_h, table_w, relative, numbers, probabilities, keep, out.reshape(-1))  # fmt: skip
    return out[:, :rows, :columns]
