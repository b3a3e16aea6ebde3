"""Attention over a whole token grid: a piece of its keys and values, or a block of its queries, in one call each.

As with windows (``windows.py``): a thread that comes back from a kernel may have to wait for Python's lock.
"""

from numpy_vitmatte.kernels.alignment import aligned_scratch
from numpy_vitmatte.kernels.attention import attend, pack_keys_values
from numpy_vitmatte.kernels.jit import EXACT_ORDER, kernel
from numpy_vitmatte.kernels.matmul import multiply_rows, project


@kernel(EXACT_ORDER)
def prepare_keys_values(tokens, matrix, block, begin, end, height, width, heads, keys, values):
    """Keys and values of some tokens, for all heads.

    Parameters
    ----------
    tokens : float32 array ((end - begin) * C,)
        Tokens ``begin .. end - 1`` of a block of keys, after the layer norm.
    matrix : PackedMatrix
        (C, 2 C): keys of all heads, then values of all heads.
    block, begin, end : int
        Number of the block (``rows_of_keys``); ``begin`` is a multiple of a panel, and ``end`` too or the block's end.
    height, width : int
        Of the token grid.
    heads : int
    keys, values : float32 arrays (heads, .)
        Their part is filled, as ``pack_keys_values`` lays it out.
    """
    projected = project(tokens, end - begin, matrix)
    depth = matrix.columns // (2 * heads)
    for head in range(heads):
        pack_keys_values(projected, block, begin, end, height, width, heads, depth, head, keys[head], values[head])


@kernel(EXACT_ORDER)
def attend_grid(tokens, query, proj, heads, positions, height, width, keys, values, table_h, table_w, relative,
                probabilities, first, keep, out):  # fmt: skip
    """Attention of some tokens to all of the grid, from projection to projection.

    Parameters
    ----------
    tokens : float32 array (rows * C,)
        After the layer norm.
    query, proj : PackedMatrix
        (C, C) each.
    heads : int
    positions : int64 array (rows,)
        The tokens' places in the ``height`` x ``width`` grid, counted row by row.
    keys, values : float32 arrays (heads, .)
        Of the whole grid, by ``prepare_keys_values``.
    table_h, table_w : packed matrices (C / heads, 2 height - 1), (C / heads, 2 width - 1)
    relative : bool
        Whether the tables are used.
    probabilities, first, keep : float32 array (heads, ., height * width), int, bool
        With ``keep`` its rows from ``first`` on end as the attention probabilities; else (1, 0, 0) will do.
    out : float32 array (rows * C,)
        The result.
    """
    rows, channels = positions.size, query.columns
    queries, attended = project(tokens, rows, query), aligned_scratch(rows * channels)
    depth = channels // heads
    for head in range(heads):
        kept = probabilities[head if keep else 0, first : first + rows]
        attend(queries, head * depth, channels, depth, positions, height, width, keys[head], values[head], table_h,
               table_w, relative, kept, keep, attended, head * depth, channels)  # fmt: skip
    multiply_rows(attended, rows, proj.depth, proj.panels, proj.bias, out, proj.columns)
