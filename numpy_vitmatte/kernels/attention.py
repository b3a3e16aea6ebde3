"""Softmax attention with decomposed relative positions, a block of queries against a block of keys at a time.

The scores of a block of queries against a block of keys fit the cache; the matrix of all scores never exists. A softmax
needs the largest score and the sum of a whole row, though, and later blocks of keys may raise the largest: then what
has been summed so far is scaled down to the new one (Milakov & Gimelshein 2018, arXiv:1805.02867; Rabe & Staats 2021,
arXiv:2112.05682). Blocks of keys are whole rows of the token grid and depend on the grid alone, so the order of every
sum does too.

The relative positions are added inside the softmax, from two small tables: one product of the block's queries with the
table of offsets along each axis, of which every query then reads the window that starts at its own coordinate.
"""

from typing import NamedTuple

import numpy as np

from numpy_vitmatte.kernels.elementwise import copy_run, exponential, larger
from numpy_vitmatte.kernels.matmul import sweep, whole_panels
from numpy_vitmatte.kernels.microkernel import PANEL
from numpy_vitmatte.kernels.vectors import LOWEST, SLACK, add_offsets
from numpy_vitmatte.runtime.alignment import aligned_scratch
from numpy_vitmatte.runtime.jit import EXACT_ORDER, ONE, VECTOR_REDUCTION, ZERO, kernel

float32 = np.float32

KEYS_PER_BLOCK = 840
"""Keys and values of a block, and the scores of ``QUERIES_AT_A_TIME`` against it, share a core's second-level cache."""
QUERIES_AT_A_TIME = 60
"""Whole tiles of every processor. More queries of a call meet a block of keys one group after the other."""


class RelativeTables(NamedTuple):
    """Relative positions along both axes of a ``height`` x ``width`` grid.

    Attributes
    ----------
    h, w : float32 arrays
        Packed matrices (depth, 2 height - 1) and (depth, 2 width - 1).
    used : bool
        Whether there are any. Otherwise the arrays may hold anything.
    """

    h: np.ndarray
    w: np.ndarray
    used: bool


@kernel(EXACT_ORDER)
def rows_of_keys(width):
    """Rows of a token grid of this width that make a block of keys."""
    return max(1, KEYS_PER_BLOCK // width)


@kernel(EXACT_ORDER)
def packed_sizes(height, width, depth):
    """Numbers in the packed keys and in the packed values of one head."""
    block, blocks = rows_of_keys(width) * width, -(-height // rows_of_keys(width))
    return blocks * whole_panels(block) * depth, height * width * whole_panels(depth)


@kernel(EXACT_ORDER)
def tokens_of_block(block, height, width):
    """Tokens in block of keys number ``block`` of a grid."""
    return min(rows_of_keys(width), height - block * rows_of_keys(width)) * width


@kernel(EXACT_ORDER)
def pack_keys_values(keys_values, block, begin, end, height, width, heads, depth, head, keys, values):
    """Pack one head's keys and values of tokens ``begin .. end - 1`` of block number ``block``.

    ``keys_values`` ((end - begin) * 2 * heads * depth,) holds, token by token, all heads' keys, then all heads' values.
    ``begin`` is a multiple of a panel, and ``end`` too or the block's end. The keys are divided by ``sqrt(depth)``
    here, once, instead of every score.
    """
    grid_rows, step, tokens = rows_of_keys(width), 2 * heads * depth, tokens_of_block(block, height, width)
    scale = float32(1.0 / np.sqrt(depth))
    start = block * whole_panels(grid_rows * width) * depth
    for first_token in range(begin, end, PANEL):
        source, panels = (first_token - begin) * step + head * depth, keys[start + first_token * depth :]
        if tokens - first_token >= PANEL:
            for k in range(depth):
                for j in range(PANEL):  # a constant: LLVM unrolls it
                    panels[k * PANEL + j] = keys_values[source + j * step + k] * scale
        else:
            for k in range(depth):
                for j in range(PANEL):
                    inside = first_token + j < tokens
                    panels[k * PANEL + j] = keys_values[source + j * step + k] * scale if inside else float32(0)
    start = block * grid_rows * width * whole_panels(depth) + begin * PANEL
    for first_column in range(0, depth, PANEL):
        source, panels = (heads + head) * depth + first_column, values[start + first_column * tokens :]
        if depth - first_column >= PANEL:
            for j in range(end - begin):
                for c in range(PANEL):
                    panels[j * PANEL + c] = keys_values[source + j * step + c]
        else:
            for j in range(end - begin):
                for c in range(PANEL):
                    inside = first_column + c < depth
                    panels[j * PANEL + c] = keys_values[source + j * step + c] if inside else float32(0)


@kernel(VECTOR_REDUCTION)
def _copy_and_find_largest(scores, first, count, out):
    own, largest = scores[first : first + count], LOWEST
    for j in range(count):
        out[j] = own[j]
        largest = larger(largest, own[j])
    return largest


@kernel(VECTOR_REDUCTION)
def _exponentials(biased, largest, scores):
    """``scores = exp(biased - largest)``; their sum.

    Two loops on purpose. One that stores and sums runs as vectors only where LLVM's test at run time finds the arrays
    far enough apart in memory, so the order of the sum, and its last bit, would depend on where they happen to lie.
    """
    for j in range(scores.size):
        scores[j] = exponential(biased[j] - largest)
    total = float32(0)
    for j in range(scores.size):
        total += scores[j]
    return total


@kernel(EXACT_ORDER)
def _step_of_scores(tokens):
    """Numbers from row to row of scores: an odd number of cache lines, so that rows do not share few of its sets."""
    return whole_panels(tokens) | PANEL


@kernel(EXACT_ORDER)
def _softmax_block(scores, step, tokens, first_row, positions, height, width, offsets_h, offsets_w, relative,
                   largest, sums, shrink):  # fmt: skip
    """Turn the scores of a block of keys, ``tokens`` in each row, rows ``step`` apart, into exponentials.

    Row ``i`` is the query at ``positions[i]``, (y, x) of the ``height`` x ``width`` grid; the block's keys begin at
    grid row ``first_row``. The bias for the key at (v, u) is ``offsets_h[i, height - 1 - y + v] + offsets_w[i, width -
    1 - x + u]``. Each row's largest score and sum are updated; earlier sums are to be multiplied by ``shrink[i]``.
    ``SLACK`` numbers behind the scores are read, too.
    """
    flat_h, flat_w = offsets_h.reshape(-1), offsets_w.reshape(-1)
    biased = aligned_scratch(tokens + SLACK)
    for i in range(positions.size):
        start = i * step
        if relative:
            y, x = divmod(positions[i], width)
            from_h = i * offsets_h.shape[1] + height - 1 - y + first_row
            from_w = i * offsets_w.shape[1] + width - 1 - x
            highest = add_offsets(scores, start, flat_h, from_h, flat_w, from_w, tokens // width, width, biased)
        else:
            highest = _copy_and_find_largest(scores, start, tokens, biased)
        highest = larger(highest, largest[i])
        shrink[i] = exponential(largest[i] - highest)
        largest[i] = highest
        sums[i] = sums[i] * shrink[i] + _exponentials(biased, highest, scores[start : start + tokens])


@kernel(EXACT_ORDER)
def _offsets(queries, start, step, rows, depth, table, length, zeros):
    """Products of the queries with the vectors of all offsets along one axis: (rows, 2 * length - 1), then anything.

    Whole panels are filled, which takes less than cutting the last one, and one row more than there are queries is
    held: ``add_offsets`` reads too far.
    """
    columns = whole_panels(2 * length - 1)
    out = np.empty((rows + 1, columns), np.float32)
    sweep(queries, start, step, rows, ONE, ZERO, depth, table, zeros, out.reshape(-1), ZERO, columns, columns)
    return out


@kernel(EXACT_ORDER)
def _accumulate(product, shrink, first_block, out, start, step):
    """``out = out * shrink + product``, row by row; for the first block of keys ``out = product``."""
    rows, depth = product.shape
    for i in range(rows):
        own = out[start + i * step : start + i * step + depth]
        for c in range(depth):
            before = float32(0) if first_block else own[c] * shrink[i]
            own[c] = before + product[i, c]


@kernel(VECTOR_REDUCTION)
def _scale(x, factor):
    for j in range(x.size):
        x[j] *= factor


@kernel(EXACT_ORDER)
def attend(queries, start, step, depth, positions, height, width, keys, values, table_h, table_w, relative,
           probabilities, keep, out, out_start, out_step):  # fmt: skip
    """Attention of some queries of one head to all keys of the grid.

    It replaces ``softmax(q @ keys.T / sqrt(depth) + bias) @ values``; the bias comes from the unscaled query.

    Parameters
    ----------
    queries, start, step : float32 array (any size,), int, int
        Query ``i`` is ``queries[start + i * step :][:depth]``.
    positions : int64 array (rows,)
        Its token of the ``height`` x ``width`` grid, counted row by row.
    keys, values : float32 arrays
        Block after block of ``rows_of_keys(width)`` grid rows, packed: ``scale * keys.T`` (depth, tokens of the block)
        in as many panels as the first block has, and values (tokens of the block, depth).
    table_h, table_w : packed matrices (depth, 2 height - 1), (depth, 2 width - 1)
    relative : bool
        Whether the tables are used.
    probabilities, keep : float32 array (rows, tokens), bool
        With ``keep`` it ends as the attention probabilities; else it is not touched.
    out, out_start, out_step
        The result of query ``i`` is written to ``out[out_start + i * out_step :][:depth]``.
    """
    rows, grid_rows = positions.size, rows_of_keys(width)
    blocks, block = -(-height // grid_rows), grid_rows * width
    zeros = np.zeros(max(block, 2 * height, 2 * width, depth) + PANEL, np.float32)  # these products have no bias
    offsets_h = _offsets(queries, start, step, rows if relative else 0, depth, table_h, height, zeros)
    offsets_w = _offsets(queries, start, step, rows if relative else 0, depth, table_w, width, zeros)
    largest, sums, shrink = np.full(rows, LOWEST), np.zeros(rows, np.float32), np.empty(rows, np.float32)
    largest_so_far = np.empty((blocks, rows), np.float32)
    together = min(rows, QUERIES_AT_A_TIME)
    product = np.empty((together, depth), np.float32)
    scores = aligned_scratch(together * _step_of_scores(block) + SLACK)
    for b in range(blocks):
        first, tokens = b * block, min(block, height * width - b * block)
        columns, step_of_scores = whole_panels(tokens), _step_of_scores(tokens)
        own_keys, own_values = keys[b * whole_panels(block) * depth :], values[first * whole_panels(depth) :]
        for begin in range(0, rows, together):
            end = min(begin + together, rows)
            sweep(queries, start + begin * step, step, end - begin, ONE, ZERO, depth, own_keys, zeros, scores, ZERO,
                  step_of_scores, columns)  # fmt: skip
            _softmax_block(scores, step_of_scores, tokens, b * grid_rows, positions[begin:end], height, width,
                           offsets_h[begin:end], offsets_w[begin:end], relative, largest[begin:end], sums[begin:end],
                           shrink[begin:end])  # fmt: skip
            sweep(scores, ZERO, step_of_scores, end - begin, ONE, ZERO, tokens, own_values, zeros,
                  product.reshape(-1), ZERO, depth, depth)  # fmt: skip
            _accumulate(product[: end - begin], shrink[begin:end], b == 0, out, out_start + begin * out_step, out_step)
            for i in range(begin, end if keep else begin):
                copy_run(scores, (i - begin) * step_of_scores, tokens, probabilities[i], first)
        for i in range(rows):
            largest_so_far[b, i] = largest[i]
    for i in range(rows):
        _scale(out[out_start + i * out_step : out_start + i * out_step + depth], float32(1) / sums[i])
        for b in range(blocks if keep else 0):
            factor = exponential(largest_so_far[b, i] - largest[i]) / sums[i]
            _scale(probabilities[i, b * block : (b + 1) * block], factor)


@kernel(EXACT_ORDER)
def attend_head(queries, keys_values, head, heads, height, width, positions, tables, probabilities, out):
    """Attention of some tokens of a grid to all of it, for one head; its keys and values are packed here.

    Parameters
    ----------
    queries : float32 array (rows, C)
        All heads' queries of the tokens at ``positions``.
    keys_values : float32 array (height * width, 2 C)
        All heads' keys, then all heads' values.
    head, heads : int
        This head, and how many there are; C = heads * depth.
    height, width : int
        The grid.
    positions : int64 array (rows,)
    tables : RelativeTables
    probabilities : float32 array (rows, height * width)
        Filled with the attention probabilities; not if it is empty.
    out : float32 array (rows, C)
        The head's columns are filled.
    """
    channels = queries.shape[1]
    depth = channels // heads
    key_size, value_size = packed_sizes(height, width, depth)
    keys, values = aligned_scratch(key_size), aligned_scratch(value_size)
    for block in range(-(-height // rows_of_keys(width))):
        own = keys_values[block * rows_of_keys(width) * width :].reshape(-1)
        tokens = tokens_of_block(block, height, width)
        pack_keys_values(own, block, ZERO, tokens, height, width, heads, depth, head, keys, values)
    start = head * depth
    attend(queries.reshape(-1), start, channels, depth, positions, height, width, keys, values, tables.h, tables.w,
           tables.used, probabilities, probabilities.size > 0, out.reshape(-1), start, channels)  # fmt: skip


@kernel(EXACT_ORDER)
def attend_window(queries, keys_values, heads, window, positions, tables, probabilities, out):
    """All heads of one window.

    Parameters
    ----------
    queries : float32 array (rows, C)
        Of the tokens at ``positions`` of the window.
    keys_values : float32 array (window**2, 2 C)
        Of every token of the window, padded ones too: all heads' keys, then all heads' values.
    probabilities : float32 array (heads, rows, window**2)
        Filled with the attention probabilities; not if it is empty: (1, 0, 0).
    out : float32 array (rows, C)
    """
    for head in range(heads):
        kept = probabilities[head if probabilities.size else 0]
        attend_head(queries, keys_values, head, heads, window, window, positions, tables, kept, out)
