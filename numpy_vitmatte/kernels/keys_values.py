"""Keys and values of attention, packed as the matrices that the micro-kernel reads, a block of keys at a time.

A *block of keys* is some whole rows of the token grid: its keys and values, and some queries' scores with it, fit the
cache. Blocks depend on the grid alone.
"""

from typing import NamedTuple

import numpy as np

from numpy_vitmatte.kernels.integers import greater, lesser
from numpy_vitmatte.kernels.matmul import whole_panels
from numpy_vitmatte.kernels.microkernel import PANEL
from numpy_vitmatte.kernels.views import flattened, view
from numpy_vitmatte.runtime.jit import CALLED, EXACT_ORDER, INLINED, kernel

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

    ``first`` is a multiple of a panel, and ``last`` is one too or the block's end.
    """

    key_block: int
    first: int
    last: int


class KeysValues(NamedTuple):
    """Packed keys and values of all tokens of a grid, block after block of ``rows_of_keys(width)`` grid rows.

    Attributes
    ----------
    keys : float32 array
        For each block ``keys.T / sqrt(depth)``, (depth, tokens of the block), in as many panels as the first block has;
        behind the last token of a block its key stands again.
    values : float32 array
        For each block (tokens of the block, depth).
    """

    keys: np.ndarray
    values: np.ndarray


@kernel(EXACT_ORDER, INLINED)
def rows_of_keys(width):
    """Return the number of rows, in a token grid of this width, that make a block of keys."""
    return greater(1, KEYS_PER_BLOCK // width)


@kernel(EXACT_ORDER, INLINED)
def packed_sizes(height, width, depth):
    """Return the sizes of one head's packed keys and packed values."""
    block, blocks = rows_of_keys(width) * width, -(-height // rows_of_keys(width))
    return blocks * whole_panels(block) * depth, height * width * whole_panels(depth)


@kernel(EXACT_ORDER, INLINED)
def tokens_of_block(block, height, width):
    """Count the tokens of a grid's block of keys number ``block``."""
    return lesser(rows_of_keys(width), height - block * rows_of_keys(width)) * width


@kernel(EXACT_ORDER, CALLED)
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
    block, begin, end = chunk
    step, flat = keys_values.shape[1], flattened(keys_values)
    depth, before = step // (2 * head.heads), block * rows_of_keys(grid.width) * grid.width
    tokens, scale = tokens_of_block(block, grid.height, grid.width), float32(1.0 / np.sqrt(depth))
    start = block * whole_panels(rows_of_keys(grid.width) * grid.width) * depth
    for first_token in range(begin, end, PANEL):
        source = (first_token - begin) * step + head.number * depth
        panels = view(packed.keys, start + first_token * depth, (depth * PANEL,))
        last = lesser(tokens - first_token, PANEL) - 1  # nobody reads the scores behind it
        for k in range(depth):
            for j in range(PANEL):  # a constant: LLVM unrolls it
                panels[k * PANEL + j] = flat[source + lesser(j, last) * step + k] * scale
    start = before * whole_panels(depth) + begin * PANEL
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
