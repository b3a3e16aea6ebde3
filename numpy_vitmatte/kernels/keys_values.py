"""Keys and values of attention, packed as the matrices that the micro-kernel reads, a block of keys at a time.

A *block of keys* is some whole rows of the token grid: its keys and values, and some queries' scores with it, fit the
cache. Blocks depend on the grid alone.
"""

from typing import NamedTuple

import numpy as np

from numpy_vitmatte.kernels.integers import greater, lesser
from numpy_vitmatte.kernels.matmul import whole_panels
from numpy_vitmatte.kernels.microkernel import PANEL
from numpy_vitmatte.kernels.tile_packing import panel_depth, parts_of, whole_tiles
from numpy_vitmatte.kernels.tile_writing import tile_of_columns, tile_of_rows
from numpy_vitmatte.kernels.tiles import TILE_DEPTH
from numpy_vitmatte.kernels.views import flattened, view
from numpy_vitmatte.runtime.choice import chosen_by_types
from numpy_vitmatte.runtime.jit import CALLED, EXACT_ORDER, INLINED, PART, kernel
from numpy_vitmatte.runtime.workspace import aligned_scratch

float32 = np.float32

KEYS_PER_BLOCK = 840
"""The most keys of a block: its keys, values and some queries' scores with it share a core's second-level cache."""


class Grid(NamedTuple):
    """A grid of tokens, counted row by row."""

    height: int
    width: int


class Head(NamedTuple):
    """One of ``heads`` attention heads."""

    number: int
    heads: int


class KeyChunk(NamedTuple):
    """Tokens ``first .. last - 1`` of a block of keys, counted from the block's first token.

    ``first`` is a multiple of 32, and ``last`` is one too or the block's end: a tile has the values of 32 tokens.
    """

    key_block: int
    first: int
    last: int


class KeysValues(NamedTuple):
    """Packed keys and values of all tokens of a grid, block after block of ``rows_of_keys(width)`` grid rows.

    Attributes
    ----------
    keys : float32, int16 or int32 array
        For each block ``keys.T / sqrt(depth)``, (depth, tokens of the block), in as many panels as the first block has;
        behind the last token of a block its key stands again, or zeros.
    values : float32, int16 or int32 array
        For each block (tokens of the block, depth). Both are of one type and in its layout of packed weights.
    """

    keys: np.ndarray
    values: np.ndarray


@kernel(EXACT_ORDER, INLINED)
def rows_of_keys(width):
    """Return the number of rows, in a token grid of this width, that make a block of keys."""
    return greater(1, KEYS_PER_BLOCK // width)


@kernel(EXACT_ORDER, INLINED)
def packed_sizes(height, width, depth, like=None):
    """Return the sizes of one head's packed keys and packed values, of the type of an array or float32."""
    rows = rows_of_keys(width)
    blocks, block = -(-height // rows), rows * width
    last = (height - (blocks - 1) * rows) * width
    tokens = (blocks - 1) * panel_depth(block, like) + panel_depth(last, like)
    return blocks * whole_panels(block) * panel_depth(depth, like), tokens * whole_panels(depth)


@kernel(EXACT_ORDER, PART)
def starts_of_block(block, width, depth, packed):
    """Return where the packed keys and values of a block of keys begin."""
    tokens = rows_of_keys(width) * width
    keys = block * whole_panels(tokens) * panel_depth(depth, packed.keys)
    return keys, block * panel_depth(tokens, packed.values) * whole_panels(depth)


@kernel(EXACT_ORDER, INLINED)
def tokens_of_block(block, height, width):
    """Count the tokens of a grid's block of keys number ``block``."""
    return lesser(rows_of_keys(width), height - block * rows_of_keys(width)) * width


@kernel(EXACT_ORDER, PART)
def _keys_as_numbers(keys_values, chunk, grid, head, packed):
    block, begin, end = chunk
    step, flat = keys_values.shape[1], flattened(keys_values)
    depth = step // (2 * head.heads)
    tokens, scale = tokens_of_block(block, grid.height, grid.width), float32(1.0 / np.sqrt(depth))
    start = starts_of_block(block, grid.width, depth, packed)[0]
    for first_token in range(begin, end, PANEL):
        source = (first_token - begin) * step + head.number * depth
        panels = view(packed.keys, start + first_token * depth, (depth * PANEL,))
        last = lesser(tokens - first_token, PANEL) - 1  # nobody reads the scores behind it
        for k in range(depth):
            for j in range(PANEL):  # a constant: LLVM unrolls it
                panels[k * PANEL + j] = flat[source + lesser(j, last) * step + k] * scale


@kernel(EXACT_ORDER, PART)
def _values_as_numbers(keys_values, chunk, grid, head, packed):
    block, begin, end = chunk
    step, flat = keys_values.shape[1], flattened(keys_values)
    depth, tokens = step // (2 * head.heads), tokens_of_block(block, grid.height, grid.width)
    start = starts_of_block(block, grid.width, depth, packed)[1] + begin * PANEL
    for first_column in range(0, depth, PANEL):
        source = (head.heads + head.number) * depth + first_column
        panels = view(packed.values, start + first_column * tokens, ((end - begin) * PANEL,))
        if depth - first_column >= PANEL:
            for j in range(end - begin):
                for c in range(PANEL):
                    panels[j * PANEL + c] = flat[source + j * step + c]
        else:
            for j in range(end - begin):
                for c in range(PANEL):
                    inside = first_column + c < depth
                    panels[j * PANEL + c] = flat[source + j * step + c] if inside else float32(0)


@kernel(EXACT_ORDER, PART)
def _keys_in_tiles(keys_values, chunk, grid, head, packed):
    block, begin, end = chunk
    step, flat = keys_values.shape[1], flattened(keys_values)
    depth = step // (2 * head.heads)
    scale, start = float32(1.0 / np.sqrt(depth)), starts_of_block(block, grid.width, depth, packed)[0]
    for token in range(begin, end, PANEL):
        source = (token - begin) * step + head.number * depth
        for k in range(0, depth, TILE_DEPTH):
            tile_of_columns(flat, source + k, step, (depth - k, end - token), scale, packed.keys,
                            start + token * whole_tiles(depth) + k * PANEL)  # fmt: skip


@kernel(EXACT_ORDER, PART)
def _values_in_tiles(keys_values, chunk, grid, head, packed):
    block, begin, end = chunk
    step, flat = keys_values.shape[1], flattened(keys_values)
    depth, tokens = step // (2 * head.heads), tokens_of_block(block, grid.height, grid.width)
    start = starts_of_block(block, grid.width, depth, packed)[1]
    for column in range(0, depth, PANEL):
        source = (head.heads + head.number) * depth + column
        for token in range(begin, end, TILE_DEPTH):
            tile_of_rows(flat, source + (token - begin) * step, step, (end - token, depth - column), packed.values,
                         start + column * whole_tiles(tokens) + token * PANEL)  # fmt: skip


@kernel(EXACT_ORDER, CALLED)
def _pack_numbers(keys_values, chunk, grid, head, packed):
    """Pack float32 numbers."""
    _keys_as_numbers(keys_values, chunk, grid, head, packed)
    _values_as_numbers(keys_values, chunk, grid, head, packed)


@kernel(EXACT_ORDER, CALLED, allocates=True)
def _pack_tiles(keys_values, chunk, grid, head, packed):
    """Pack bfloat16 numbers in tiles; sums end in zeros up to a whole tile."""
    _keys_in_tiles(keys_values, chunk, grid, head, packed)
    _values_in_tiles(keys_values, chunk, grid, head, packed)


@chosen_by_types
def pack_keys_values(keys_values, chunk, grid, head, packed):
    """Pack one head's keys and values of a chunk of tokens.

    The keys are divided by ``sqrt(depth)`` here, once, instead of every score.

    Parameters
    ----------
    keys_values : float32 array (chunk.last - chunk.first, 2 * heads * depth)
        All heads' keys, then all heads' values.
    chunk : KeyChunk
    grid : Grid
    head : Head
    packed : KeysValues
        Keys and values of the whole grid; the chunk's part is filled.
    """
    return _pack_tiles if parts_of(packed[0]) else _pack_numbers


@kernel(EXACT_ORDER, INLINED, allocates=True)
def _scratch_of_numbers(size, weights):
    return aligned_scratch(size)


@kernel(EXACT_ORDER, CALLED, allocates=True)
def _scratch_for_tiles(size, weights):
    return aligned_scratch(size * weights.itemsize // 4).view(weights.dtype)


@chosen_by_types
def scratch_like(size, weights):
    """Return an array of packed weights of the type of ``weights``, beginning with a cache line; it holds anything."""
    return _scratch_for_tiles if parts_of(weights) else _scratch_of_numbers
