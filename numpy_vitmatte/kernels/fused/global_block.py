"""A transformer block over a whole token grid: some of its keys and values, or of its queries, in one call each.

The reason is that of ``window_block.py``: a thread that comes back from a kernel may have to wait for Python's lock.
"""

from numpy_vitmatte.kernels.attention import attend
from numpy_vitmatte.kernels.elementwise import copy_run, normalize
from numpy_vitmatte.kernels.fused.residual_mlp import add_residual_mlp
from numpy_vitmatte.kernels.keys_values import Grid, Head, KeysValues, pack_keys_values, rows_of_keys
from numpy_vitmatte.kernels.matmul import Rows, multiply, project
from numpy_vitmatte.kernels.views import flattened, view
from numpy_vitmatte.runtime.jit import CALLED, EXACT_ORDER, ZERO, kernel
from numpy_vitmatte.runtime.workspace import aligned_scratch


@kernel(EXACT_ORDER, allocates=True)
def global_block_keys(tokens, chunk, norm, heads, keys_values, packed, normalized):
    """Apply the layer norm to a chunk of the grid's tokens, and compute its keys and values for all heads.

    Parameters
    ----------
    tokens : float32 array (h, w, C)
    chunk : KeyChunk
    norm, heads, keys_values
        Those of the ``Block``: each array that a kernel gets from Python takes compilation.
    packed : KeysValues
        (heads, .) each. The chunk's part is filled, as ``pack_keys_values`` lays it out.
    normalized : float32 array (h, w, C)
        The norm's result is kept here for the queries.
    """
    height, width, channels = tokens.shape
    start = chunk.key_block * rows_of_keys(width) * width
    first, last = start + chunk.first, start + chunk.last
    count = last - first
    own = view(normalized, first * channels, (count, channels))
    normalize(view(tokens, first * channels, (count, channels)), norm.weight, norm.bias, norm.epsilon, own)
    projected = project(view(own, ZERO, (count * channels,)), count, keys_values)
    for number in range(heads):
        target = KeysValues(packed.keys[number], packed.values[number])
        pack_keys_values(
            view(projected, ZERO, (count, 2 * channels)), chunk, Grid(height, width), Head(number, heads), target
        )


@kernel(EXACT_ORDER, CALLED, allocates=True)
def _gathered(values, positions):
    """Copy the tokens of (h, w, C) at some positions: (rows * C,)."""
    rows, channels = positions.size, values.shape[2]
    out, flat = aligned_scratch(rows * channels), flattened(values)
    for i in range(rows):
        copy_run(flat, positions[i] * channels, channels, out, i * channels)
    return out


@kernel(EXACT_ORDER, allocates=True)
def global_block_queries(tokens, normalized, positions, block, packed, tables, probabilities, first):
    """Compute a transformer block for some tokens, which attend to all of the grid.

    Parameters
    ----------
    tokens : float32 array (h, w, C)
        Tokens before the layer norm.
    normalized : float32 array (h, w, C)
        Tokens after it. The result takes the place of the tokens at ``positions``, which no other query reads any more.
    positions : int64 array (rows,)
        The tokens, counted row by row.
    block : Block
    packed : KeysValues
        (heads, .) each: those of the whole grid, filled by ``global_block_keys``.
    tables : RelativeTables
    probabilities : float32 array (heads, ., h * w)
        Its rows from ``first`` on are filled with the attention probabilities, unless it is empty: (1, 0, 0).
    first : int
    """
    height, width, channels = tokens.shape
    rows, keep, depth = positions.size, probabilities.size > 0, channels // block.heads
    queries = project(_gathered(normalized, positions), rows, block.query)
    attended = aligned_scratch(rows * channels)
    for head in range(block.heads):
        kept = probabilities[head if keep else 0, first : first + rows]
        own = KeysValues(packed.keys[head], packed.values[head])
        attend(Rows(queries, head * depth, channels), depth, positions, Grid(height, width), own, tables, kept,
               Rows(attended, head * depth, channels))  # fmt: skip
    multiply(attended, rows, block.proj, queries)
    before = view(_gathered(tokens, positions), ZERO, (rows, channels))
    add_residual_mlp(before, view(queries, ZERO, (rows, channels)), block.mlp)
    flat = flattened(normalized)
    for i in range(rows):
        copy_run(queries, i * channels, channels, flat, positions[i] * channels)
