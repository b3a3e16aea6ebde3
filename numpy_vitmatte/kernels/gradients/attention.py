"""The gradient of softmax attention with decomposed relative positions, a block of queries at a time.

The probabilities of a block of queries are computed again, so that the matrix of all of them never exists. Its gradient
is that of five products: scores, values, and with ``ds = p * (dp - sum(p * dp))``::

    dv = p.T @ do      dp = do @ v.T      dq = ds @ k      dk = ds.T @ q

Relative positions are keys, too: the vector of an offset along an axis is a key whose score counts for every token of
that row or column of the grid. The *extended keys* are the keys, already divided by sqrt(d), then the vectors of both
axes in reverse. One product gives all scores; the gradient of an offset's score is the sum over its tokens; and the
products that go back to queries and to keys are longer by the offsets, nothing else.
"""

from typing import NamedTuple

import numpy as np

from numpy_vitmatte.kernels.elementwise import add, copy_run, larger
from numpy_vitmatte.kernels.gradients.grid_sums import grid_sums
from numpy_vitmatte.kernels.gradients.packing import odd_lines, pack_columns, pack_rows, transpose_to
from numpy_vitmatte.kernels.integers import lesser
from numpy_vitmatte.kernels.keys_values import Grid
from numpy_vitmatte.kernels.matmul import PackedMatrix, Rows, Segments, sweep, whole_panels
from numpy_vitmatte.kernels.polynomials import exponential
from numpy_vitmatte.kernels.vectors import LOWEST, SLACK, add_offsets
from numpy_vitmatte.kernels.views import flattened, view
from numpy_vitmatte.runtime.jit import CALLED, EXACT_ORDER, ONE, VECTOR_REDUCTION, ZERO, kernel
from numpy_vitmatte.runtime.workspace import aligned_scratch, filled_scratch

float32 = np.float32

QUERIES = 96
"""Queries at a time: whole tiles of every processor, and enough of them for the sums over queries."""


class Asked(NamedTuple):
    """Attention of one head inside one window, or over the whole grid, as it ran forward.

    Attributes
    ----------
    queries : float32 array (tokens, C)
        Queries of all heads, of every token of the image.
    keys_values : float32 array (tokens + 1, 2 C)
        All heads' keys, then all heads' values; the last row is that of a padded token.
    places : int64 array (N,)
        The row of each token of the window; the number of tokens for a padded one.
    grid : Grid
        The window's, N tokens.
    offsets : float32 array (rows, d)
        Vectors of the offsets along the grid's height, in reverse, then along its width; no rows if there are none.
    """

    queries: np.ndarray
    keys_values: np.ndarray
    places: np.ndarray
    grid: Grid
    offsets: np.ndarray


class Gradients(NamedTuple):
    """The arrays that ``attention_backward`` fills: its head's part of each.

    Attributes
    ----------
    qkv : float32 array (tokens, 3 C)
        Rows of the window's tokens.
    padded : float32 array (3 C,)
        Sum over padded tokens.
    offsets : float32 array (rows, d)
        By the vectors of ``Asked.offsets``.
    """

    qkv: np.ndarray
    padded: np.ndarray
    offsets: np.ndarray


@kernel(VECTOR_REDUCTION, CALLED)
def _softmax(biased, largest, count, out):
    """Set ``out[:count]`` to the softmax of ``biased``: two loops that each run as vectors, as in the forward pass."""
    own, target = view(biased, ZERO, (count,)), view(out, ZERO, (count,))
    for j in range(count):
        target[j] = exponential(own[j] - largest)
    total = float32(0)
    for j in range(count):
        total += target[j]
    factor = float32(1) / total
    for j in range(count):
        target[j] *= factor


@kernel(VECTOR_REDUCTION, CALLED)
def _largest(scores):
    largest = LOWEST
    for j in range(scores.size):
        largest = larger(largest, scores[j])
    return largest


@kernel(VECTOR_REDUCTION, CALLED)
def _softmax_backward(p, dp):
    """Set ``p = p * (dp - sum(p * dp))``."""
    mean = float32(0)
    for j in range(p.size):
        mean += p[j] * dp[j]
    for j in range(p.size):
        p[j] *= dp[j] - mean


@kernel(EXACT_ORDER, CALLED, allocates=True)
def _probabilities(scores, step, positions, grid, offsets):
    """Turn the scores of some queries with the extended keys into probabilities of the keys."""
    tokens, biased = grid.height * grid.width, aligned_scratch(grid.height * grid.width + SLACK)
    for i in range(positions.size):
        row = view(scores, i * step, (step,))
        if offsets:
            y, x = divmod(positions[i], grid.width)
            starts = ZERO, tokens + grid.height - 1 - y, tokens + 2 * grid.height - 1 + grid.width - 1 - x
            largest = add_offsets(row, row, row, starts, grid.height, grid.width, biased)
        else:
            copy_run(row, ZERO, tokens, biased, ZERO)
            largest = _largest(view(row, ZERO, (tokens,)))
        _softmax(biased, largest, tokens, row)


@kernel(EXACT_ORDER, CALLED)
def _scores_backward(p, dp, step, positions, grid, offsets):
    """Turn probabilities into the gradients of the scores with the extended keys."""
    (height, width), tokens = grid, grid.height * grid.width
    for i in range(positions.size):
        row = view(p, i * step, (step,))
        _softmax_backward(view(row, ZERO, (tokens,)), view(dp, i * step, (tokens,)))
        for j in range(tokens, step):
            row[j] = float32(0)
        if offsets:
            y, x = divmod(positions[i], width)
            along_h, along_w = tokens + height - 1 - y, tokens + 2 * height - 1 + width - 1 - x
            grid_sums(row, height, width, along_h, along_w)


@kernel(EXACT_ORDER, CALLED, allocates=True)
def _add_product(left, right, rows, depth, step, columns, first, total):
    """Set ``total += left.T @ right``, or without ``+`` at first, in scratch of its own.

    ``left`` (rows, depth) is contiguous, ``right`` (rows, columns) has rows ``step`` apart; total (depth, columns in
    whole panels).
    """
    whole = whole_panels(columns)
    turned, panels = aligned_scratch(depth * odd_lines(rows)), aligned_scratch(rows * whole)
    transpose_to(left, ZERO, depth, rows, depth, turned, ZERO, odd_lines(rows))
    pack_rows(right, ZERO, step, rows, columns, panels, ZERO, rows)
    matrix = PackedMatrix(panels, filled_scratch(whole, float32(0)), rows, whole)
    product = total if first else aligned_scratch(depth * whole)
    sweep(Rows(turned, ZERO, odd_lines(rows)), depth, Segments(ONE, ZERO, rows), matrix, Rows(product, ZERO, whole))
    if not first:
        add(total, product)


@kernel(EXACT_ORDER, CALLED)
def _write_keys(total, step, asked, start, factor, gradients):
    """Write a head's gradients of keys or values (d, N) to their columns, from ``start`` on, of each token."""
    depth, tokens = asked.offsets.shape[1], asked.queries.shape[0]
    for j in range(asked.places.size):
        place = asked.places[j]
        if place < tokens:
            for c in range(depth):
                gradients.qkv[place, start + c] = total[c * step + j] * factor
        else:
            for c in range(depth):
                gradients.padded[start + c] += total[c * step + j] * factor


@kernel(EXACT_ORDER, CALLED, allocates=True)
def _extended_keys(asked, number, scale):
    """Return the extended keys (N + rows, d) and the values (N, d) of a head, one-dimensional."""
    count, (rows, depth) = asked.places.size, asked.offsets.shape
    channels, flat = asked.queries.shape[1], flattened(asked.keys_values)
    keys, values = aligned_scratch((count + rows) * depth), aligned_scratch(count * depth)
    for j in range(count):
        start = asked.places[j] * 2 * channels + number * depth
        for c in range(depth):
            keys[j * depth + c] = flat[start + c] * scale
        copy_run(flat, start + channels, depth, values, j * depth)
    copy_run(flattened(asked.offsets), ZERO, rows * depth, keys, count * depth)
    return keys, values


@kernel(EXACT_ORDER, CALLED, allocates=True)
def _real_tokens(places, tokens):
    """Return the numbers of a window's tokens that are not padded."""
    real, count = np.empty(places.size, np.int64), 0
    for j in range(places.size):
        real[count] = j
        count += places[j] < tokens
    return view(real, ZERO, (count,))


@kernel(EXACT_ORDER, allocates=True)
def attention_backward(dout, asked, head, gradients):
    """Go back through the attention of one head, from its result to queries, keys, values and relative positions.

    Parameters
    ----------
    dout : float32 array (tokens, C)
        Gradient by the result of all heads, before the output projection.
    asked : Asked
    head : Head
    gradients : Gradients
        This head's columns are filled.
    """
    queries, _, places, grid, offsets = asked
    (rows, depth), count, (tokens, channels) = offsets.shape, places.size, queries.shape
    start, scale, extended = head.number * depth, float32(1.0 / np.sqrt(depth)), places.size + offsets.shape[0]
    keys, values = _extended_keys(asked, head.number, scale)
    step, zeros = odd_lines(extended), filled_scratch(whole_panels(extended) + whole_panels(depth), float32(0))
    key_columns, value_columns = (
        aligned_scratch(whole_panels(extended) * depth),
        aligned_scratch(whole_panels(count) * depth),
    )
    key_rows = aligned_scratch(extended * whole_panels(depth))
    pack_columns(keys, extended, depth, key_columns)
    pack_columns(values, count, depth, value_columns)
    pack_rows(keys, ZERO, depth, extended, depth, key_rows, ZERO, extended)
    to_scores = PackedMatrix(key_columns, zeros, depth, whole_panels(extended))
    to_probabilities = PackedMatrix(value_columns, zeros, depth, whole_panels(count))
    to_queries = PackedMatrix(key_rows, zeros, extended, depth)

    # Padded tokens ask nothing that counts: their results are cut off.
    real = _real_tokens(places, tokens)
    at_once = lesser(QUERIES, real.size)
    p, dp = aligned_scratch(at_once * step + SLACK), aligned_scratch(at_once * step)
    q, do, dq = aligned_scratch(at_once * depth), aligned_scratch(at_once * depth), aligned_scratch(at_once * depth)
    dkeys, dvalues = aligned_scratch(depth * whole_panels(extended)), aligned_scratch(depth * whole_panels(count))
    for begin in range(0, real.size, at_once):
        own = view(real, begin, (lesser(at_once, real.size - begin),))
        for i in range(own.size):
            row = places[own[i]] * channels + start
            copy_run(flattened(queries), row, depth, q, i * depth)
            copy_run(flattened(dout), row, depth, do, i * depth)
        of_queries, scores, part = Rows(q, ZERO, depth), Rows(p, ZERO, step), Segments(ONE, ZERO, depth)
        sweep(of_queries, own.size, part, to_scores, scores)
        _probabilities(p, step, own, grid, rows > 0)
        _add_product(do, p, own.size, depth, step, count, begin == 0, dvalues)
        sweep(Rows(do, ZERO, depth), own.size, part, to_probabilities, Rows(dp, ZERO, step))
        _scores_backward(p, dp, step, own, grid, rows > 0)
        sweep(scores, own.size, Segments(ONE, ZERO, extended), to_queries, Rows(dq, ZERO, depth))
        _add_product(q, p, own.size, depth, step, extended, begin == 0, dkeys)
        for i in range(own.size):
            copy_run(dq, i * depth, depth, flattened(gradients.qkv), places[own[i]] * 3 * channels + start)

    _write_keys(dkeys, whole_panels(extended), asked, channels + start, scale, gradients)
    _write_keys(dvalues, whole_panels(count), asked, 2 * channels + start, float32(1), gradients)
    for r in range(rows):
        for c in range(depth):
            gradients.offsets[r, c] = dkeys[c * whole_panels(extended) + count + r]
