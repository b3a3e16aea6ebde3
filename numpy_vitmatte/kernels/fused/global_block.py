"""Attention over a whole token grid: a piece of its keys and values, or a block of its queries, in one call each.

As with windows (``windows.py``): a thread that comes back from a kernel may have to wait for Python's lock.
"""

from numpy_vitmatte.kernels.attention import attend, pack_keys_values, rows_of_keys
from numpy_vitmatte.kernels.elementwise import copy_run, normalize
from numpy_vitmatte.kernels.fused.residual_mlp import add_residual_mlp
from numpy_vitmatte.kernels.matmul import multiply, project
from numpy_vitmatte.runtime.jit import EXACT_ORDER, kernel
from numpy_vitmatte.runtime.workspace import aligned_scratch


@kernel(EXACT_ORDER)
def prepare_keys_values(tokens, piece, height, width, norm, heads, matrix, keys, values, normalized):
    """Layer norm, and of its result keys and values for all heads: a piece of the grid's tokens.

    Parameters
    ----------
    tokens : float32 array (N, C)
        Of a ``height`` x ``width`` grid, row by row.
    piece : (int, int, int)
        Number of a block of keys (``rows_of_keys``), first token of it, one after the last. The first is a multiple of
        a panel, and the end too or the block's end.
    norm : (float32 array (C,), float32 array (C,), float)
        Scale, shift and epsilon of the layer norm. Without channels there is none.
    heads, matrix : int, PackedMatrix
        (C, 2 C): keys of all heads, then values of all heads.
    keys, values : float32 arrays (heads, .)
        Their part is filled, as ``pack_keys_values`` lays it out.
    normalized : float32 array (N, C)
        Where there is a norm, its result is kept here for the queries.
    """
    block, begin, end = piece
    first, depth = block * rows_of_keys(width) * width, matrix.columns // (2 * heads)
    source = tokens[first + begin : first + end]
    if norm[0].size:
        normalize(source, norm[0], norm[1], norm[2], normalized[first + begin : first + end])
        source = normalized[first + begin : first + end]
    projected = project(source.reshape(-1), end - begin, matrix)
    for head in range(heads):
        pack_keys_values(projected, block, begin, end, height, width, heads, depth, head, keys[head], values[head])


@kernel(EXACT_ORDER)
def _gathered(values, positions):
    rows, channels = positions.size, values.shape[1]
    out, flat = aligned_scratch(rows * channels), values.reshape(-1)
    for i in range(rows):
        copy_run(flat, positions[i] * channels, channels, out, i * channels)
    return out


@kernel(EXACT_ORDER)
def transform_queries(tokens, normalized, positions, height, width, attention, keys, values, tables, probabilities,
                      first, keep, after, out):  # fmt: skip
    """Attention of some tokens to all of the grid, and what follows it.

    Parameters
    ----------
    tokens, normalised : float32 arrays (N, C)
        Of a ``height`` x ``width`` grid, row by row: before the layer norm, and after it.
    positions : int64 array (rows,)
        The tokens' places.
    attention : (int, PackedMatrix, PackedMatrix)
        Heads; projections to queries (C, C) and at the end (C, C).
    keys, values : float32 arrays (heads, .)
        Of the whole grid, by ``prepare_keys_values``.
    tables : (array, array, bool)
        Relative positions along both axes, packed matrices (C / heads, 2 height - 1) and (C / heads, 2 width - 1), and
        whether they are used.
    probabilities, first, keep : float32 array (heads, ., N), int, bool
        With ``keep`` its rows from ``first`` on end as the attention probabilities; else (1, 0, 0) will do.
    after : ResidualMlp
        Without channels the result is that of attention.
    out : float32 array (N, C)
        The tokens' rows are filled. It may be ``normalized`` itself, or without ``after`` ``tokens``.
    """
    (heads, query, proj), (table_h, table_w, relative) = attention, tables
    rows, channels = positions.size, query.columns
    queries, attended = project(_gathered(normalized, positions), rows, query), aligned_scratch(rows * channels)
    depth = channels // heads
    for head in range(heads):
        kept = probabilities[head if keep else 0, first : first + rows]
        attend(queries, head * depth, channels, depth, positions, height, width, keys[head], values[head], table_h,
               table_w, relative, kept, keep, attended, head * depth, channels)  # fmt: skip
    multiply(attended, rows, proj, queries)
    if after.weight.size:
        own = _gathered(tokens, positions).reshape(rows, channels)
        add_residual_mlp(own, queries.reshape(rows, channels), after)
    for i in range(rows):
        copy_run(queries, i * channels, channels, out.reshape(-1), positions[i] * channels)
