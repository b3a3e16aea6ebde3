"""A transformer block as it runs: a thread takes some tokens through norm, attention, norm and MLP in one call.

Some windows, or some queries, are taken through all of them at a time (``kernels/fused``), which gives the same bits as
the layers one after another (``network/by_layers.py``). The neck follows.
"""

import functools
import math

import numpy as np

from numpy_vitmatte.kernels.attention import QUERIES_AT_A_TIME
from numpy_vitmatte.kernels.fused.block import Block, LayerNorm, NormAndMlp
from numpy_vitmatte.kernels.fused.global_block import global_block_keys, global_block_queries
from numpy_vitmatte.kernels.fused.residual_mlp import add_residual_mlp
from numpy_vitmatte.kernels.fused.window_block import window_block_windows
from numpy_vitmatte.kernels.keys_values import KeyChunk, KeysValues, packed_sizes, rows_of_keys, tokens_of_block
from numpy_vitmatte.kernels.matmul import ROWS_IN_CACHE
from numpy_vitmatte.kernels.microkernel import MR, PANEL, SHORT_ROWS
from numpy_vitmatte.layers.attention import AttentionParameters
from numpy_vitmatte.layers.neck import residual_neck
from numpy_vitmatte.network.parameters import BlockParameters
from numpy_vitmatte.runtime.threads import even_block, for_each_block, get_num_threads
from numpy_vitmatte.runtime.workspace import FRESH, Workspace, workspace_floats

QUERIES_PER_BLOCK = 4 * QUERIES_AT_A_TIME
"""The most queries that a thread takes at a time. A block of keys that came from memory is used for all of them."""

KEYS_PER_CHUNK = 12 * PANEL
"""Tokens whose keys and values a thread prepares at a time."""

WINDOWED_TOKENS = 256
"""Tokens of the windows that a thread takes at a time, unless one has more: few rows leave tiles half empty, and after
each call of a kernel a thread may have to wait for the interpreter."""

TURNS = 4
"""Turns of windows that each thread must have at least to take them through the MLP at once. With fewer, some threads
would have much more to do than others; rows can be shared out evenly."""

_NOT_KEPT = np.empty((1, 1, 0, 0), np.float32)  # in place of probabilities


def transformer_block(
    tokens: np.ndarray,
    block: BlockParameters,
    probabilities: np.ndarray | None = None,
    read: np.ndarray | None = None,
    memory: Workspace = FRESH,
) -> np.ndarray:
    """Compute ``x = x + attention(norm1(x)); x = x + mlp(norm2(x))``, then the neck where there is one.

    Parameters
    ----------
    tokens : float32 array (h, w, C)
    block : BlockParameters
    probabilities : float32 array (windows, heads, tokens, tokens), optional
        Filled with the attention probabilities.
    read : bool array (h, w), optional
        The tokens that are read afterwards. In a global block others keep no meaning, unless the neck needs them.
        Default: all.
    memory : Workspace
        For ``global_block``.

    Returns
    -------
    float32 array (h, w, C)
    """
    if block.window:
        out = window_block(tokens, block, probabilities)
    else:
        wanted = None if read is None else np.flatnonzero(_with_neighbors(read))
        out = global_block(tokens, block, probabilities, wanted, memory)
    if block.neck is not None:
        residual_neck(out, block.neck, out, None if read is None else np.logical_or.reduce(read, axis=1))
    return out


def _with_neighbors(mask: np.ndarray) -> np.ndarray:
    """Mark every neighbor of a marked token, too: a 3x3 convolution around the token reads it."""
    padded = np.pad(mask, 1)
    tall = padded[:-2] | padded[1:-1] | padded[2:]
    return tall[:, :-2] | tall[:, 1:-1] | tall[:, 2:]


def _for_kernels(block: BlockParameters) -> Block:
    attention, mlp = block.attention, block.mlp
    projections = attention.query, attention.keys_values, attention.proj
    after = NormAndMlp(LayerNorm(*block.norm2), mlp.fc1, mlp.fc2)
    return Block(LayerNorm(*block.norm1), attention.heads, *projections, after)


def global_block(
    tokens: np.ndarray,
    block: BlockParameters,
    probabilities: np.ndarray | None = None,
    wanted: np.ndarray | None = None,
    memory: Workspace = FRESH,
) -> np.ndarray:
    """Compute a block in which every token attends to every token, without its neck.

    Parameters
    ----------
    tokens : float32 array (h, w, C)
        Contiguous.
    block : BlockParameters
    probabilities : float32 array (1, heads, h * w, h * w), optional
        Filled with the attention probabilities. Without it they never exist as a whole.
    wanted : int64 array, optional
        The tokens, counted row by row, whose result is needed; others may hold anything. Default: all.
    memory : Workspace
        Keys and values overwrite its contents. ``keys_values_floats`` says how much they are.

    Returns
    -------
    float32 array (h, w, C)
    """
    height, width, channels = tokens.shape
    heads, own, tables = block.attention.heads, _for_kernels(block), block.attention.tables(height, width)
    out = np.empty_like(tokens)
    wanted = np.arange(height * width) if wanted is None else wanted
    kept = (_NOT_KEPT if probabilities is None else probabilities)[0]
    memory.restart()
    sizes = packed_sizes(height, width, channels // heads, tables.h)
    packed = KeysValues(*(_empty(memory, heads, size, tables.h.dtype) for size in sizes))
    chunks = _key_chunks(height, width)

    def prepare(number: int, _: int) -> None:
        global_block_keys(tokens, chunks[number], own.norm1, heads, own.keys_values, packed, out)

    def transform(first: int, last: int) -> None:
        global_block_queries(tokens, out, wanted[first:last], own, packed, tables, kept, first)

    for_each_block(prepare, len(chunks))
    for_each_block(transform, len(wanted), even_block(len(wanted), QUERIES_PER_BLOCK, MR))
    return out


def _empty(memory: Workspace, heads: int, size: int, dtype: np.dtype) -> np.ndarray:
    """Return an array (heads, size) of a type that may be smaller than float32, which memory is made of."""
    return memory.empty((heads, size * dtype.itemsize // 4)).view(dtype)


def _key_chunks(height: int, width: int) -> list[KeyChunk]:
    """Cut all blocks of keys of a grid for the threads."""
    chunks = []
    for block in range(-(-height // rows_of_keys(width))):
        tokens = tokens_of_block(block, height, width)
        chunks += [KeyChunk(block, n, min(n + KEYS_PER_CHUNK, tokens)) for n in range(0, tokens, KEYS_PER_CHUNK)]
    return chunks


def keys_values_floats(height: int, width: int, attention: AttentionParameters) -> int:
    """Return the size of a workspace's block for ``global_block`` on a grid of ``height`` x ``width`` tokens."""
    heads, channels = attention.heads, attention.query.columns
    sizes = packed_sizes(height, width, channels // heads, np.empty(0, attention.dtype))
    return workspace_floats(*((heads, length) for length in sizes))


def window_block(tokens: np.ndarray, block: BlockParameters, probabilities: np.ndarray | None = None) -> np.ndarray:
    """Compute a block in which tokens attend to their window, without its neck.

    Parameters
    ----------
    tokens : float32 array (h, w, C)
        Contiguous.
    block : BlockParameters
    probabilities : float32 array (windows, heads, window**2, window**2), optional
        Filled with the attention probabilities, windows row by row; those of padded tokens too.

    Returns
    -------
    float32 array (h, w, C)
    """
    (height, width, _), window = tokens.shape, block.window
    own, tables, out = _for_kernels(block), block.attention.tables(window, window), np.empty_like(tokens)
    kept = _NOT_KEPT if probabilities is None else probabilities
    groups = _groups_of_windows(height, width, window, get_num_threads())
    at_once = _threads_take_turns(height * width, window)

    def transform(turn: int, _: int) -> None:
        window_block_windows(tokens, window, groups[turn], own, tables, kept, at_once, out)

    for_each_block(transform, len(groups))
    if not at_once:
        _add_residual_mlp(tokens, out, own.mlp)
    return out


@functools.lru_cache(maxsize=16)
def _groups_of_windows(height: int, width: int, window: int, threads: int) -> list[np.ndarray]:
    """Group the windows that one of ``threads`` takes at a time: int64 arrays of numbers, one shape in each.

    Whole windows come first: the small ones at the edge then even out what the threads have left to do.
    """
    across, most = -(-width // window), max(1, WINDOWED_TOKENS // window**2)
    shapes: dict[tuple[int, int], list[int]] = {}
    for number in range(across * -(-height // window)):
        y, x = (window * n for n in divmod(number, across))
        shapes.setdefault((min(window, height - y), min(window, width - x)), []).append(number)
    groups = []
    for shape in sorted(shapes, key=math.prod, reverse=True):
        alike = shapes[shape]
        together = even_block(len(alike), most, 1, threads)
        groups += [np.array(alike[n : n + together]) for n in range(0, len(alike), together)]
    return groups


def _threads_take_turns(tokens: int, window: int) -> bool:
    """Tell whether there are windows enough for all threads to end at nearly the same time."""
    return tokens >= TURNS * get_num_threads() * max(window**2, WINDOWED_TOKENS)


def _add_residual_mlp(tokens: np.ndarray, attended: np.ndarray, mlp: NormAndMlp) -> None:
    """Take attention's result (h, w, C) through what follows, in place: all threads get the same number of rows."""
    x, out = (values.reshape(-1, values.shape[-1]) for values in (tokens, attended))  # [h, w, C] -> [N, C]

    def transform(first: int, last: int) -> None:
        add_residual_mlp(x[first:last], out[first:last], mlp)

    for_each_block(transform, len(x), even_block(len(x), 2 * ROWS_IN_CACHE, SHORT_ROWS))
