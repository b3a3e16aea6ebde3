"""Softmax attention with decomposed relative positions, a block of queries at a time.

The scores of a block of queries against all keys fit the cache; the matrix of all scores never exists. The relative
positions are added inside the softmax, from two small tables: one product of the block's queries with the table of
offsets along each axis, of which every query then reads the window that starts at its own coordinate.
"""

import numpy as np

from numpy_vitmatte.kernels.activations import exponential
from numpy_vitmatte.kernels.jit import EXACT_ORDER, VECTOR_REDUCTION, kernel
from numpy_vitmatte.kernels.matmul import sweep
from numpy_vitmatte.kernels.tile import PANEL

float32 = np.float32


@kernel(EXACT_ORDER)
def pack_keys(qkv, start, step, tokens, depth, panels):
    """Pack ``keys.T`` (depth, tokens) as ``matmul.pack`` would; key ``j`` is ``qkv[start + j * step :][:depth]``."""
    for j in range(-(-tokens // PANEL) * PANEL):
        base = (j // PANEL) * depth * PANEL + j % PANEL
        for k in range(depth):
            panels[base + k * PANEL] = qkv[start + j * step + k] if j < tokens else float32(0)


@kernel(EXACT_ORDER)
def pack_values(qkv, start, step, tokens, depth, panels):
    """Pack ``values`` (tokens, depth) as ``matmul.pack`` would; value ``j`` is ``qkv[start + j * step :][:depth]``."""
    for p in range(-(-depth // PANEL)):
        for j in range(tokens):
            base = (p * tokens + j) * PANEL
            for c in range(PANEL):
                k = p * PANEL + c
                panels[base + c] = qkv[start + j * step + k] if k < depth else float32(0)


@kernel(VECTOR_REDUCTION)
def softmax_rows(scores, first, height, width, scale, offsets_h, offsets_w, relative):
    """Replace each row of scores by ``exp(score * scale + bias - maximum)``; return the rows' sums.

    Row ``i`` is query ``first + i`` of a ``height`` x ``width`` grid, at (y, x). Its bias for the key at (v, u) is
    ``offsets_h[i, height - 1 - y + v] + offsets_w[i, width - 1 - x + u]``.
    """
    rows = scores.shape[0]
    sums = np.empty(rows, np.float32)
    for i in range(rows):
        y, x = divmod(first + i, width)
        row = scores[i]
        maximum = float32(-np.inf)
        if relative:
            along_w = offsets_w[i, width - 1 - x :]
            for v in range(height):
                along_h = offsets_h[i, height - 1 - y + v]
                part = row[v * width : (v + 1) * width]
                for u in range(width):
                    value = part[u] * scale + (along_h + along_w[u])
                    part[u] = value
                    maximum = max(maximum, value)
        else:
            for j in range(row.size):
                row[j] *= scale
                maximum = max(maximum, row[j])
        total = float32(0)
        for j in range(row.size):
            row[j] = exponential(row[j] - maximum)
            total += row[j]
        sums[i] = total
    return sums


@kernel(EXACT_ORDER)
def attend(qkv, start, step, depth, first, rows, height, width, keys, values, table_h, table_w, relative,
           scores, out, out_start, out_step):  # fmt: skip
    """Attention of queries ``first .. first + rows - 1`` of one head to all keys of the grid.

    It replaces ``softmax(q @ keys.T / sqrt(depth) + bias) @ values``; the bias comes from the unscaled query.

    Parameters
    ----------
    qkv, start, step : float32 array (any size,), int, int
        Query ``i`` is ``qkv[start + i * step :][:depth]``.
    keys, values, table_h, table_w : packed matrices
        (depth, tokens), (tokens, depth), (depth, 2 height - 1), (depth, 2 width - 1).
    relative : bool
        Whether the tables are used.
    scores : float32 array (rows, tokens)
        Scratch; afterwards ``scores / sums[:, None]`` are the attention probabilities.
    out, out_start, out_step
        The result of query ``i`` is written to ``out[out_start + i * out_step :][:depth]``.

    Returns
    -------
    float32 array (rows,)
        The sums.
    """
    tokens = height * width
    query = start + first * step
    long_h, long_w = 2 * height - 1, 2 * width - 1
    zeros = np.zeros(max(tokens, long_h, long_w, depth) + PANEL, np.float32)  # these products have no bias
    offsets_h = np.empty((rows, long_h if relative else 1), np.float32)
    offsets_w = np.empty((rows, long_w if relative else 1), np.float32)
    if relative:
        sweep(qkv, query, step, rows, 1, 0, depth, table_h, zeros, offsets_h.reshape(-1), 0, long_h, long_h)
        sweep(qkv, query, step, rows, 1, 0, depth, table_w, zeros, offsets_w.reshape(-1), 0, long_w, long_w)
    flat = scores.reshape(-1)
    sweep(qkv, query, step, rows, 1, 0, depth, keys, zeros, flat, 0, tokens, tokens)
    scale = float32(1.0 / np.sqrt(depth))
    sums = softmax_rows(scores, first, height, width, scale, offsets_h, offsets_w, relative)
    base = out_start + first * out_step
    sweep(flat, 0, tokens, rows, 1, 0, tokens, values, zeros, out, base, out_step, depth)
    for i in range(rows):
        for c in range(depth):
            out[base + i * out_step + c] /= sums[i]
    return sums


@kernel(EXACT_ORDER)
def attend_window(qkv, heads, depth, window, table_h, table_w, relative, scores, out):
    """All heads of one window: qkv (window**2 * 3 * heads * depth,) to out (window**2 * heads * depth,).

    ``scores`` is (heads, window**2, window**2) and ends as the attention probabilities, or (1, ...) and is scratch.
    """
    tokens, channels = window * window, heads * depth
    keys = np.empty(-(-tokens // PANEL) * PANEL * depth, np.float32)
    values = np.empty(-(-depth // PANEL) * PANEL * tokens, np.float32)
    for head in range(heads):
        start = head * depth
        pack_keys(qkv, channels + start, 3 * channels, tokens, depth, keys)
        pack_values(qkv, 2 * channels + start, 3 * channels, tokens, depth, values)
        own = scores[head if scores.shape[0] == heads else 0]
        sums = attend(qkv, start, 3 * channels, depth, 0, tokens, window, window, keys, values, table_h, table_w,
                      relative, own, out, start, channels)  # fmt: skip
        if scores.shape[0] == heads:
            for i in range(tokens):
                for j in range(tokens):
                    own[i, j] /= sums[i]
