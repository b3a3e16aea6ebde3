"""Softmax attention with decomposed relative positions, a block of queries against a block of keys at a time.

The scores of a block of queries against a block of keys fit the cache; the matrix of all scores never exists. A softmax
needs the largest score and the sum of a whole row, though, and later blocks of keys may raise the largest: then the
sums so far are scaled down to the new one (Milakov & Gimelshein 2018, arXiv:1805.02867; Rabe & Staats 2021,
arXiv:2112.05682). Blocks of keys are whole rows of the token grid and depend on the grid alone, so the order of every
sum does too.

The relative positions are added inside the softmax, from two small tables: the products of the block's queries with the
table of offsets along each axis. Every query reads the window of a product that starts at its own coordinate.
"""

from typing import NamedTuple

import numpy as np

from numpy_vitmatte.kernels.elementwise import copy_run, larger
from numpy_vitmatte.kernels.integers import greater, lesser
from numpy_vitmatte.kernels.keys_values import (
    Head,
    KeyChunk,
    KeysValues,
    pack_keys_values,
    packed_sizes,
    rows_of_keys,
    scratch_like,
    starts_of_block,
    tokens_of_block,
)
from numpy_vitmatte.kernels.matmul import PackedMatrix, Rows, Segments, sweep, whole_panels
from numpy_vitmatte.kernels.microkernel import PANEL
from numpy_vitmatte.kernels.polynomials import exponential, exponentials
from numpy_vitmatte.kernels.vectors import LOWEST, SLACK, add_offsets
from numpy_vitmatte.kernels.views import flattened, view
from numpy_vitmatte.runtime.jit import CALLED, EXACT_ORDER, INLINED, ONE, VECTOR_REDUCTION, ZERO, kernel
from numpy_vitmatte.runtime.workspace import aligned_scratch, filled_scratch

float32 = np.float32

QUERIES_AT_A_TIME = 60
"""Whole tiles of every processor. More queries of a call meet a block of keys one group after the other."""


class RelativeTables(NamedTuple):
    """Relative positions along both axes of a ``height`` x ``width`` grid.

    Attributes
    ----------
    h, w : float32, int16 or int32 arrays
        Packed matrices (depth, 2 height - 1) and (depth, 2 width - 1), of the type of packed keys and values.
    used : bool
        True if there are any. Otherwise the arrays may hold anything.
    """

    h: np.ndarray
    w: np.ndarray
    used: bool


class _Offsets(NamedTuple):
    """Products of some queries with the relative positions along both axes, a row for each query."""

    h: np.ndarray
    w: np.ndarray
    used: bool


class _Running(NamedTuple):
    """State of a softmax over block after block of keys: float32 arrays with a number for each query.

    They hold the largest score, the sum of ``exp(score - largest)``, and the factor that brings the sums before the
    last block to the present largest score.
    """

    largest: np.ndarray
    sums: np.ndarray
    shrink: np.ndarray


@kernel(VECTOR_REDUCTION, CALLED)
def _copy_and_find_largest(scores, first, count, out):
    own, largest = view(scores, first, (count,)), LOWEST
    for j in range(count):
        out[j] = own[j]
        largest = larger(largest, own[j])
    return largest


@kernel(EXACT_ORDER, INLINED)
def _step_of_scores(tokens):
    """Return the step between rows of scores: an odd number of cache lines, to spread rows over a cache's sets."""
    return whole_panels(tokens) | PANEL


@kernel(EXACT_ORDER, CALLED)
def _softmax_block(scores, tokens, first_row, positions, grid, offsets, running):
    """Turn the scores of some queries with a block of keys into exponentials.

    Parameters
    ----------
    scores : Rows
        ``tokens`` numbers for each query, and room for those of one query and ``SLACK`` more.
    tokens, first_row : int
        Number of keys of the block, and the grid row where they begin.
    positions : int64 array (rows,)
        The token (y, x) of each query.
    grid : Grid
    offsets : _Offsets
        If used, query ``i`` and the key at (v, u) have the bias ``h[i, height - 1 - y + v] + w[i, width - 1 - x + u]``.
    running : _Running
        All of it is updated.
    """
    (h, w, used), (largest, sums, shrink), (height, width) = offsets, running, grid
    flat, flat_h, flat_w = scores.values, flattened(h), flattened(w)
    biased = view(flat, scores.start + positions.size * scores.step, (tokens + SLACK,))
    for i in range(positions.size):
        start = scores.start + i * scores.step
        if used:
            # The block's keys are whole grid rows. From one to the next the offset grows by one along h; along w it
            # runs through the same numbers again.
            y, x = divmod(positions[i], width)
            starts = start, i * h.shape[1] + height - 1 - y + first_row, i * w.shape[1] + width - 1 - x
            highest = add_offsets(flat, flat_h, flat_w, starts, tokens // width, width, biased)
        else:
            highest = _copy_and_find_largest(flat, start, tokens, biased)
        # The exponentials are taken relative to the largest score of all blocks so far, so that none overflows.
        highest = larger(highest, largest[i])
        shrink[i] = exponential(largest[i] - highest)
        largest[i] = highest
        # The sum so far is kept in memory during the call. LLVM could otherwise make one multiply-add of both steps, or
        # not, and the last bit would depend on that.
        sums[i] = sums[i] * shrink[i]
        total = exponentials(biased, highest, view(flat, start, (tokens,)))
        sums[i] = sums[i] + total


@kernel(EXACT_ORDER, CALLED, allocates=True)
def _offsets(queries, rows, depth, table, length, zeros):
    """Multiply the queries by the vectors of all offsets along one axis: (rows, 2 * length - 1), then anything.

    Whole panels are filled: cutting the last one would take longer. ``add_offsets`` reads into one more row.
    """
    columns = whole_panels(2 * length - 1)
    out = aligned_scratch((rows + 1) * columns)
    sweep(queries, rows, Segments(ONE, ZERO, depth), PackedMatrix(table, zeros, depth, columns),
          Rows(out, ZERO, columns))  # fmt: skip
    return view(out, ZERO, (rows + 1, columns))


@kernel(EXACT_ORDER, INLINED, allocates=True)
def _from_row(values, first, count):
    """Return ``count`` rows from number ``first`` on, or none where they do not exist: nobody reads them then."""
    rows, columns = values.shape
    return view(values, first * columns, (count if first + count <= rows else 0, columns))


@kernel(EXACT_ORDER, CALLED)
def _accumulate(product, shrink, first_block, out):
    """Set ``out = out * shrink + product``, row by row; for the first block of keys ``out = product``."""
    (rows, depth), (values, start, step) = product.shape, out
    for i in range(rows):
        own = view(values, start + i * step, (depth,))
        if first_block:
            for c in range(depth):
                own[c] = product[i, c]
        else:
            for c in range(depth):
                own[c] = own[c] * shrink[i] + product[i, c]


@kernel(VECTOR_REDUCTION, CALLED)
def _scale(x, factor):
    for j in range(x.size):
        x[j] *= factor


@kernel(EXACT_ORDER, CALLED, allocates=True)
def attend(queries, depth, positions, grid, packed, tables, probabilities, out):
    """Compute the attention of some queries of one head to all keys of the grid.

    It replaces ``softmax(q @ keys.T / sqrt(depth) + bias) @ values``; the bias comes from the unscaled query.

    Parameters
    ----------
    queries : Rows
        Each row has ``depth`` numbers.
    positions : int64 array (rows,)
        The token of the grid that each query belongs to.
    grid : Grid
    packed : KeysValues
        This head's keys and values, one-dimensional.
    tables : RelativeTables
    probabilities : float32 array (rows, tokens)
        Filled with the attention probabilities, unless it is empty.
    out : Rows
        The result of each query, ``depth`` numbers.
    """
    rows, grid_rows, keep = positions.size, rows_of_keys(grid.width), probabilities.size > 0
    blocks, block, together = -(-grid.height // grid_rows), grid_rows * grid.width, lesser(rows, QUERIES_AT_A_TIME)
    # These products have no bias.
    zeros = filled_scratch(greater(greater(block, depth), 2 * greater(grid.height, grid.width)) + PANEL, float32(0))
    # Scores of a group of queries with a block of keys, and the product of their exponentials with its values.
    scores = aligned_scratch((together + 1) * _step_of_scores(block) + SLACK)
    product = aligned_scratch(together * depth)
    # The running softmax of every query, and what its largest score was after each block.
    largest, sums, shrink = filled_scratch(rows, LOWEST), filled_scratch(rows, float32(0)), aligned_scratch(rows)
    largest_so_far = aligned_scratch(blocks * rows)

    # Pass 0: the bias of every query for every offset along each axis.
    biased = rows if tables.used else 0
    offsets_h = _offsets(queries, biased, depth, tables.h, grid.height, zeros)
    offsets_w = _offsets(queries, biased, depth, tables.w, grid.width, zeros)

    for b in range(blocks):
        first, tokens = b * block, lesser(block, grid.height * grid.width - b * block)
        step = _step_of_scores(tokens)
        keys_start, values_start = starts_of_block(b, grid.width, depth, packed)
        keys = PackedMatrix(packed.keys[keys_start:], zeros, depth, whole_panels(tokens))
        values = PackedMatrix(packed.values[values_start:], zeros, tokens, depth)
        for begin in range(0, rows, together):
            count = lesser(together, rows - begin)
            # Pass 1: scores = queries @ keys.T / sqrt(depth).
            own = Rows(scores, ZERO, step)
            group = Rows(queries.values, queries.start + begin * queries.step, queries.step)
            sweep(group, count, Segments(ONE, ZERO, depth), keys, own)
            # Pass 2: scores = exp(scores + bias - the largest so far); their sums.
            offsets = _Offsets(_from_row(offsets_h, begin, count), _from_row(offsets_w, begin, count), tables.used)
            running = _Running(view(largest, begin, (count,)), view(sums, begin, (count,)),
                               view(shrink, begin, (count,)))  # fmt: skip
            _softmax_block(own, tokens, b * grid_rows, view(positions, begin, (count,)), grid, offsets, running)
            # Pass 3: out = out * shrink + scores @ values.
            sweep(own, count, Segments(ONE, ZERO, tokens), values, Rows(product, ZERO, depth))
            _accumulate(view(product, ZERO, (count, depth)), running.shrink, b == 0,
                        Rows(out.values, out.start + begin * out.step, out.step))  # fmt: skip
            for i in range(count if keep else 0):
                copy_run(scores, i * step, tokens, probabilities[begin + i], first)
        for i in range(rows):
            largest_so_far[b * rows + i] = largest[i]

    # Pass 4: divide by the sums. Each block's probabilities are relative to the largest score that it knew of.
    for i in range(rows):
        _scale(view(out.values, out.start + i * out.step, (depth,)), float32(1) / sums[i])
        for b in range(blocks if keep else 0):
            factor = exponential(largest_so_far[b * rows + i] - largest[i]) / sums[i]
            _scale(probabilities[i, b * block : (b + 1) * block], factor)


@kernel(EXACT_ORDER, CALLED, allocates=True)
def attend_window(queries, keys_values, heads, grid, positions, tables, probabilities, out):
    """Compute the attention of some tokens of a window to all of it, for all heads; it packs the keys and values.

    Parameters
    ----------
    queries : float32 array (rows, C)
        Queries of the tokens at ``positions``, head by head.
    keys_values : float32 array (tokens, 2 C)
        Every token of the window, padded ones too: all heads' keys, then all heads' values.
    heads : int
        C = heads * depth.
    grid : Grid
        The window's tokens.
    positions : int64 array (rows,)
    tables : RelativeTables
    probabilities : float32 array (heads, rows, tokens)
        Filled with the attention probabilities, unless it is empty: (1, 0, 0).
    out : float32 array (rows, C)
    """
    channels, block = queries.shape[1], rows_of_keys(grid.width) * grid.width
    depth = channels // heads
    key_size, value_size = packed_sizes(grid.height, grid.width, depth, tables.h)
    packed = KeysValues(scratch_like(key_size, tables.h), scratch_like(value_size, tables.h))
    for number in range(heads):
        head, start = Head(number, heads), number * depth
        for n in range(-(-grid.height // rows_of_keys(grid.width))):
            tokens = tokens_of_block(n, grid.height, grid.width)
            own = view(keys_values, n * block * 2 * channels, (tokens, 2 * channels))
            pack_keys_values(own, KeyChunk(n, ZERO, tokens), grid, head, packed)
        kept = probabilities[number if probabilities.size else 0]
        attend(Rows(flattened(queries), start, channels), depth, positions, grid, packed, tables, kept,
               Rows(flattened(out), start, channels))  # fmt: skip
