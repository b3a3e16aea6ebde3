"""Multi-head self-attention with decomposed relative positions, in windows or over the whole grid.

For a query i at row y_i, column x_i of the token grid and a key j, in every head::

    score[i, j] = q_i . k_j / sqrt(d)  +  q_i . R_h[y_i - y_j]  +  q_i . R_w[x_i - x_j]

(MViTv2, Li et al. 2022, arXiv:2112.01526; the query in the last two terms is *not* scaled.) Window attention is
the same function on tiles of 14 x 14 tokens. A grid that windows do not divide is padded with zero tokens *after* the
layer norm, so a padded token has the qkv bias as its query, key and value, and real tokens attend to it. That is how
the published weights were trained (ViTDet, Li et al. 2022, arXiv:2203.16527); keep it.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from numpy_vitmatte.kernels.attention import attend, attend_window, pack_keys, pack_values
from numpy_vitmatte.kernels.matmul import ROWS_IN_CACHE, PackedMatrix, linear, pack, packed_size
from numpy_vitmatte.kernels.parallel import for_each_block
from numpy_vitmatte.layers.position import relative_positions

QUERIES_PER_BLOCK = 96
"""Queries whose scores against all keys are held at once by a thread."""


class AttentionParameters(NamedTuple):
    """Weights of one attention layer.

    Attributes
    ----------
    qkv, proj : PackedMatrix
        (C, 3 C), whose columns are queries, keys, values, each head by head; and (C, C).
    heads : int
        C = heads * d.
    rel_pos_h, rel_pos_w : float32 array (rows, d) or None
        Relative positions as stored; None where the configuration has none.
    """

    qkv: PackedMatrix
    proj: PackedMatrix
    heads: int
    rel_pos_h: np.ndarray | None
    rel_pos_w: np.ndarray | None

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, np.ndarray], heads: int) -> "AttentionParameters":
        """Take ``qkv``, ``proj`` and, if present, ``rel_pos_h`` and ``rel_pos_w`` of a checkpoint's attention layer."""
        qkv = pack(tensors["qkv.weight"].T, tensors.get("qkv.bias"))
        proj = pack(tensors["proj.weight"].T, tensors["proj.bias"])
        return cls(qkv, proj, heads, tensors.get("rel_pos_h"), tensors.get("rel_pos_w"))


def _packed_tables(parameters: AttentionParameters, height: int, width: int) -> tuple[np.ndarray, np.ndarray, bool]:
    """Relative positions of a grid, packed as (d, 2 height - 1) and (d, 2 width - 1), and whether there are any.

    Rows are reversed, so that the offsets of one query to keys 0, 1, 2, ... are neighbours in memory.
    """
    if parameters.rel_pos_h is None or parameters.rel_pos_w is None:
        return np.zeros(1, np.float32), np.zeros(1, np.float32), False
    table_h = relative_positions(parameters.rel_pos_h, height)[::-1]
    table_w = relative_positions(parameters.rel_pos_w, width)[::-1]
    return pack(table_h.T).panels, pack(table_w.T).panels, True


def global_attention(
    tokens: np.ndarray, parameters: AttentionParameters, probabilities: np.ndarray | None = None
) -> np.ndarray:
    """Attention of every token to every token.

    Parameters
    ----------
    tokens : float32 array (h, w, C)
        After the layer norm.
    parameters : AttentionParameters
    probabilities : float32 array (1, heads, h * w, h * w), optional
        Filled with the attention probabilities: rows sum to 1. Without it they never exist as a whole.

    Returns
    -------
    float32 array (h, w, C)
        After the output projection.
    """
    height, width, channels = tokens.shape
    heads, count = parameters.heads, height * width
    size = channels // heads
    table_h, table_w, relative = _packed_tables(parameters, height, width)
    qkv = np.empty((count, 3 * channels), np.float32)
    attended = np.empty((count, channels), np.float32)
    projected = np.empty((count, channels), np.float32)
    keys = np.empty((heads, packed_size(size, count)), np.float32)
    values = np.empty((heads, packed_size(count, size)), np.float32)
    flat = tokens.reshape(count, channels)  # [h, w, C] -> [h * w, C]

    def project_in(first: int, last: int) -> None:
        linear(flat[first:last], parameters.qkv, qkv[first:last])

    def pack_head(head: int, _: int) -> None:
        pack_keys(qkv.reshape(-1), channels + head * size, 3 * channels, count, size, keys[head])
        pack_values(qkv.reshape(-1), 2 * channels + head * size, 3 * channels, count, size, values[head])

    blocks = -(-count // QUERIES_PER_BLOCK)

    def attend_block(index: int, _: int) -> None:
        head, block = divmod(index, blocks)
        first = block * QUERIES_PER_BLOCK
        rows = min(QUERIES_PER_BLOCK, count - first)
        if probabilities is None:
            scores = np.empty((rows, count), np.float32)
        else:
            scores = probabilities[0, head, first : first + rows]
        sums = attend(qkv.reshape(-1), head * size, 3 * channels, size, first, rows, height, width,
                      keys[head], values[head], table_h, table_w, relative, scores,
                      attended.reshape(-1), head * size, channels)  # fmt: skip
        if probabilities is not None:
            scores /= sums[:, None]

    def project_out(first: int, last: int) -> None:
        linear(attended[first:last], parameters.proj, projected[first:last])

    for_each_block(project_in, count, ROWS_IN_CACHE)
    for_each_block(pack_head, heads)
    for_each_block(attend_block, heads * blocks)
    for_each_block(project_out, count, ROWS_IN_CACHE)
    return projected.reshape(height, width, channels)


def window_attention(
    tokens: np.ndarray, parameters: AttentionParameters, window: int, probabilities: np.ndarray | None = None
) -> np.ndarray:
    """Attention inside non-overlapping windows of ``window`` x ``window`` tokens.

    Parameters
    ----------
    tokens : float32 array (h, w, C)
        After the layer norm.
    parameters : AttentionParameters
    window : int
        Side of a window; windows at the bottom and right reach into padding where it does not divide h or w.
    probabilities : float32 array (windows, heads, window**2, window**2), optional
        Filled with the attention probabilities, windows row by row.

    Returns
    -------
    float32 array (h, w, C)
        After the output projection.
    """
    height, width, channels = tokens.shape
    heads = parameters.heads
    table_h, table_w, relative = _packed_tables(parameters, window, window)
    across = -(-width // window)
    projected = np.empty_like(tokens)

    def attend_one(index: int, _: int) -> None:
        y, x = (window * n for n in divmod(index, across))
        inside = tokens[y : y + window, x : x + window]
        rows, columns = inside.shape[:2]
        qkv = np.empty((window, window, 3 * channels), np.float32)
        if rows < window or columns < window:
            qkv[:] = parameters.qkv.bias[: 3 * channels]  # what the projection makes of a padded, all-zero token
        qkv[:rows, :columns] = linear(np.ascontiguousarray(inside), parameters.qkv)
        attended = np.empty((window, window, channels), np.float32)
        scores = np.empty((1, window**2, window**2), np.float32) if probabilities is None else probabilities[index]
        attend_window(qkv.reshape(-1), heads, channels // heads, window, table_h, table_w, relative,
                      scores, attended.reshape(-1))  # fmt: skip
        projected[y : y + rows, x : x + columns] = linear(
            np.ascontiguousarray(attended[:rows, :columns]), parameters.proj
        )

    for_each_block(attend_one, across * -(-height // window))
    return projected
