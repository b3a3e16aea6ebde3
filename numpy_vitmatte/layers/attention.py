"""Multi-head self-attention with decomposed relative positions, in windows or over the whole grid.

For a query i at row y_i, column x_i of the token grid and a key j, in every head::

    score[i, j] = q_i . k_j / sqrt(d)  +  q_i . R_h[y_i - y_j]  +  q_i . R_w[x_i - x_j]

(MViTv2, Li et al. 2022, arXiv:2112.01526; the query in the last two terms is *not* scaled.) Window attention is
the same function on squares of the grid, 14 x 14 tokens in ViTMatte-S and 8 x 8 in vitmatte-tiny. A grid that windows
do not divide is padded with zero tokens *after* the layer norm, so a padded token has the qkv bias as its query, key
and value, and real tokens attend to it. That is how the published weights were trained (ViTDet, Li et al. 2022,
arXiv:2203.16527); keep it.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from numpy_vitmatte.kernels.attention import QUERIES_AT_A_TIME, RelativeTables, attend_window
from numpy_vitmatte.kernels.keys_values import Grid
from numpy_vitmatte.kernels.matmul import PackedMatrix, linear, pack
from numpy_vitmatte.layers.position import RelativePositions
from numpy_vitmatte.runtime.threads import for_each_block


class AttentionParameters(NamedTuple):
    """Weights of one attention layer.

    Attributes
    ----------
    query : PackedMatrix
        (C, C), columns head by head: the first third of the checkpoint's ``qkv``.
    keys_values : PackedMatrix
        (C, 2 C): the other two thirds, keys of all heads, then values of all heads.
    proj : PackedMatrix
        (C, C).
    heads : int
        C = heads * d.
    rel_pos_h, rel_pos_w : RelativePositions or None
        None where the configuration has none.
    dtype : dtype
        The type of packed keys and values: float32, or int16 or int32 for AMX tiles.
    """

    query: PackedMatrix
    keys_values: PackedMatrix
    proj: PackedMatrix
    heads: int
    rel_pos_h: RelativePositions | None
    rel_pos_w: RelativePositions | None
    dtype: np.dtype = np.dtype(np.float32)

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, np.ndarray], heads: int) -> "AttentionParameters":
        """Take ``qkv``, ``proj`` and, if present, ``rel_pos_h`` and ``rel_pos_w`` of a checkpoint's attention layer."""
        weight, channels = tensors["qkv.weight"].T, len(tensors["proj.bias"])
        bias = tensors.get("qkv.bias", np.zeros(3 * channels, np.float32))
        query = pack(weight[:, :channels], bias[:channels])
        keys_values = pack(weight[:, channels:], bias[channels:])
        proj = pack(tensors["proj.weight"].T, tensors["proj.bias"])
        along_h, along_w = (
            RelativePositions.from_table(tensors[name]) if name in tensors else None
            for name in ("rel_pos_h", "rel_pos_w")
        )
        return cls(query, keys_values, proj, heads, along_h, along_w)

    def tables(self, height: int, width: int) -> RelativeTables:
        """Return the relative positions of a ``height`` x ``width`` grid, for the kernels."""
        if self.rel_pos_h is None or self.rel_pos_w is None:
            nothing = np.zeros(1, self.dtype)
            return RelativeTables(nothing, nothing, False)
        return RelativeTables(self.rel_pos_h.packed_for(height), self.rel_pos_w.packed_for(width), True)

    def empty_probabilities(self, shape: tuple[int, ...], window: int) -> np.ndarray:
        """Make an array for the probabilities of a grid of ``shape`` (h, w, ...): (windows, heads, tokens, tokens).

        ``window`` is 0 for global attention: then the grid is a single window.
        """
        height, width = shape[:2]
        windows, tokens = 1, height * width
        if window:
            windows, tokens = -(-height // window) * -(-width // window), window * window
        return np.empty((windows, self.heads, tokens, tokens), np.float32)


def global_attention(
    tokens: np.ndarray, parameters: AttentionParameters, probabilities: np.ndarray | None = None
) -> np.ndarray:
    """Compute the attention of every token to every token.

    Parameters
    ----------
    tokens : float32 array (h, w, C)
        Contiguous, after the layer norm.
    parameters : AttentionParameters
    probabilities : float32 array (1, heads, h * w, h * w), optional
        Filled with the attention probabilities: rows sum to 1. Without it they never exist as a whole.

    Returns
    -------
    float32 array (h, w, C)
        After the output projection.
    """
    return _attention(tokens[None], parameters, probabilities)[0]  # one window, as large as the grid


def window_attention(
    tokens: np.ndarray, parameters: AttentionParameters, window: int, probabilities: np.ndarray | None = None
) -> np.ndarray:
    """Compute the attention inside non-overlapping windows of ``window`` x ``window`` tokens.

    Parameters
    ----------
    tokens : float32 array (h, w, C)
        After the layer norm.
    parameters : AttentionParameters
    window : int
        Side of a window. Where it does not divide h or w, windows at the bottom and right reach into zero tokens.
    probabilities : float32 array (windows, heads, window**2, window**2), optional
        Filled with the attention probabilities, windows row by row; those of padded tokens too.

    Returns
    -------
    float32 array (h, w, C)
        After the output projection.
    """
    height, width, channels = tokens.shape
    rows, columns = -(-height // window), -(-width // window)
    padded = np.zeros((rows * window, columns * window, channels), np.float32)
    padded[:height, :width] = tokens
    cut = padded.reshape(rows, window, columns, window, channels).swapaxes(1, 2)
    windows = cut.reshape(-1, window, window, channels)  # [h, w, C] -> [windows, window, window, C]
    attended = _attention(windows, parameters, probabilities)
    joined = attended.reshape(rows, columns, window, window, channels).swapaxes(1, 2)
    return np.ascontiguousarray(joined.reshape(padded.shape)[:height, :width])


def _attention(windows: np.ndarray, parameters: AttentionParameters, probabilities: np.ndarray | None) -> np.ndarray:
    """Compute the attention inside each of some windows: (windows, rows, columns, C) -> the same."""
    number, rows, columns, channels = windows.shape
    heads, tables = parameters.heads, parameters.tables(rows, columns)
    tokens = windows.reshape(number, -1, channels)  # [windows, rows, columns, C] -> [windows, N, C]
    queries, keys_values = linear(tokens, parameters.query), linear(tokens, parameters.keys_values)
    attended, positions = np.empty_like(queries), np.arange(rows * columns)
    # A thread takes some queries of a window at a time, or all of them where their probabilities are kept.
    some = 4 * QUERIES_AT_A_TIME if probabilities is None else rows * columns
    blocks = -(-rows * columns // some)
    nothing = np.empty((1, 0, 0), np.float32)

    def attend_some(index: int, _: int) -> None:
        window, first = index // blocks, index % blocks * some
        own = slice(first, first + some)
        kept = nothing if probabilities is None else probabilities[window]
        attend_window(queries[window, own], keys_values[window], heads, Grid(rows, columns), positions[own], tables,
                      kept, attended[window, own])  # fmt: skip

    for_each_block(attend_some, number * blocks)
    return linear(attended, parameters.proj).reshape(windows.shape)
