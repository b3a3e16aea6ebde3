"""A transformer block over a whole token grid: some of its keys and values, or of its queries, in one call each.

As with windows (``window_block.py``): a thread that comes back from a kernel may have to wait for Python's lock.
"""

from typing import NamedTuple

from numpy_vitmatte.kernels.attention import attend, pack_keys_values, rows_of_keys
from numpy_vitmatte.kernels.elementwise import copy_run, normalize
from numpy_vitmatte.kernels.fused.residual_mlp import add_residual_mlp
from numpy_vitmatte.kernels.matmul import multiply_rows, project
from numpy_vitmatte.runtime.alignment import aligned_scratch
from numpy_vitmatte.runtime.jit import EXACT_ORDER, kernel


class KeyChunk(NamedTuple):
    """Tokens ``first .. last - 1`` of a block of keys (``rows_of_keys``).

    ``first`` is a multiple of a panel, and ``last`` is one too or the block's end.
    """

    key_block: int
    first: int
    last: int


@kernel(EXACT_ORDER)
def prepare_keys_values(tokens, chunk, height, width, block, keys, values, normalized):
    """Layer norm, and of its result keys and values for all heads: a chunk of the grid's tokens.

    Parameters
    ----------
    tokens : float32 array (N, C)
        Of a ``height`` x ``width`` grid, row by row.
    chunk : KeyChunk
    block : Block
    keys, values : float32 arrays (heads, .)
        Their part is filled, as ``pack_keys_values`` lays it out.
    normalized : float32 array (N, C)
        The norm's result is kept here for the queries.
    """
    heads, matrix, norm = block.heads, block.keys_values, block.norm1
    start, depth = chunk.key_block * rows_of_keys(width) * width, matrix.columns // (2 * heads)
    first, last = start + chunk.first, start + chunk.last
    own = normalized[first:last]
    normalize(tokens[first:last], norm.weight, norm.bias, norm.epsilon, own)
    projected = project(own.reshape(-1), last - first, matrix)
    for head in range(heads):
        pack_keys_values(projected, chunk.key_block, chunk.first, chunk.last, height, width, heads, depth, head,
                         keys[head], values[head])  # fmt: skip


@kernel(EXACT_ORDER)
def _gathered(values, positions):
    rows, channels = positions.size, values.shape[1]
    out, flat = aligned_scratch(rows * channels), values.reshape(-1)
    for i in range(rows):
        copy_run(flat, positions[i] * channels, channels, out, i * channels)
    return out


@kernel(EXACT_ORDER)
def transform_queries(tokens, normalized, positions, height, width, block, keys, values, tables, probabilities, first,
                      out):  # fmt: skip
    """A transformer block for some tokens, which attend to all of the grid.

    Parameters
    ----------
    tokens, normalized : float32 arrays (N, C)
        Of a ``height`` x ``width`` grid, row by row: before the layer norm, and after it.
    positions : int64 array (rows,)
        The tokens' places.
    block : Block
    keys, values : float32 arrays (heads, .)
        Of the whole grid, by ``prepare_keys_values``.
    tables : RelativeTables
    probabilities : float32 array (heads, ., N)
        Its rows from ``first`` on are filled with the attention probabilities; not if it is empty: (1, 0, 0).
    first : int
    out : float32 array (N, C)
        The tokens' rows are filled. It may be ``normalized`` itself.
    """
    rows, channels, proj, keep = positions.size, block.query.columns, block.proj, probabilities.size > 0
    queries = project(_gathered(normalized, positions), rows, block.query)
    attended, depth = aligned_scratch(rows * channels), channels // block.heads
    for head in range(block.heads):
        kept = probabilities[head if keep else 0, first : first + rows]
        attend(queries, head * depth, channels, depth, positions, height, width, keys[head], values[head], tables.h,
               tables.w, tables.used, kept, keep, attended, head * depth, channels)  # fmt: skip
    multiply_rows(attended, rows, proj.depth, proj.panels, proj.bias, queries, proj.columns)
    own = _gathered(tokens, positions).reshape(rows, channels)
    add_residual_mlp(own, queries.reshape(rows, channels), block)
    for i in range(rows):
        copy_run(queries, i * channels, channels, out.reshape(-1), positions[i] * channels)
