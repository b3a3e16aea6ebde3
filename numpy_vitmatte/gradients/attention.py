"""Multi-head attention with relative positions, in windows or over the whole grid, and its gradients.

Queries, keys and values are kept for the backward pass, and the attended values; probabilities never are.
"""

import functools
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from numpy_vitmatte.gradients.linear import Tensors, linear_backward, linear_weight_backward
from numpy_vitmatte.gradients.products import linear_rows, pack_stored
from numpy_vitmatte.kernels.attention import QUERIES_AT_A_TIME, attend_window
from numpy_vitmatte.kernels.gradients.attention import Asked, Gradients, attention_backward
from numpy_vitmatte.kernels.keys_values import Grid, Head
from numpy_vitmatte.layers.attention import AttentionParameters
from numpy_vitmatte.layers.position import relative_positions
from numpy_vitmatte.reference import under
from numpy_vitmatte.reference_backward import above, linear_resize_backward
from numpy_vitmatte.runtime.recycling import recycled_empty
from numpy_vitmatte.runtime.threads import for_each_block

QUERIES = 4 * QUERIES_AT_A_TIME
"""Queries of a window, or of the grid, that a thread takes at a time."""


class Attended(NamedTuple):
    """The arrays that the attention of some images keeps for its gradients.

    Attributes
    ----------
    queries : float32 array (B, N, C)
    keys_values : float32 array (B, N + 1, 2 C)
        The last row is that of a padded token: the bias.
    result : float32 array (B, N, C)
        Before the output projection.
    """

    queries: np.ndarray
    keys_values: np.ndarray
    result: np.ndarray


class Windows(NamedTuple):
    """The windows of a token grid.

    Attributes
    ----------
    grid : Grid
        Tokens of a window, or of the whole grid.
    places : list of int64 arrays
        For each window the number of each of its tokens in the grid, counted row by row; h * w for a padded one.
    """

    grid: Grid
    places: list[np.ndarray]


@functools.lru_cache(maxsize=16)
def windows_of(height: int, width: int, window: int) -> Windows:
    """Cut a grid into windows; ``window`` is 0 for global attention, and the grid its only window."""
    numbers = np.arange(height * width).reshape(height, width)
    if not window:
        return Windows(Grid(height, width), [numbers.reshape(-1)])
    padding = (0, -height % window), (0, -width % window)
    padded = np.pad(numbers, padding, constant_values=height * width)
    rows, columns = (side // window for side in padded.shape)
    cut = padded.reshape(rows, window, columns, window).swapaxes(1, 2).reshape(rows * columns, -1)
    return Windows(Grid(window, window), [np.ascontiguousarray(places) for places in cut])


def attention(x: np.ndarray, parameters: AttentionParameters, window: int) -> tuple[np.ndarray, Attended]:
    """Compute the attention of token grids (B, h, w, C), and what is kept of it."""
    images, height, width, channels = x.shape
    windows, heads = windows_of(height, width, window), parameters.heads
    tokens, rows = height * width, x.reshape(images, -1, channels)
    queries = linear_rows(rows.reshape(-1, channels), parameters.query).reshape(rows.shape)
    keys_values = recycled_empty((images, tokens + 1, 2 * channels))
    keys_values[:, tokens] = parameters.keys_values.bias[: 2 * channels]
    for image, own in zip(rows, keys_values, strict=True):
        linear_rows(image, parameters.keys_values, own[:tokens])
    result, tables = recycled_empty(queries.shape), parameters.tables(*windows.grid)
    parts = -(-windows.grid.height * windows.grid.width // QUERIES)
    nothing = np.empty((1, 0, 0), np.float32)

    def attend(index: int, _: int) -> None:
        (image, number), part = divmod(index // parts, len(windows.places)), index % parts
        places = windows.places[number]
        asking = np.flatnonzero(places < tokens)[part * QUERIES : (part + 1) * QUERIES]
        own = places[asking]
        out = np.empty((len(own), channels), np.float32)
        attend_window(
            queries[image, own], keys_values[image, places], heads, windows.grid, asking, tables, nothing, out
        )
        result[image, own] = out

    for_each_block(attend, images * len(windows.places) * parts)
    attended = linear_rows(result.reshape(-1, channels), parameters.proj).reshape(x.shape)
    return attended, Attended(queries, keys_values, result)


def attention_layer_backward(
    dy: np.ndarray, x: np.ndarray, kept: Attended, w: Mapping[str, np.ndarray], heads: int, window: int
) -> tuple[np.ndarray, Tensors]:
    """Go back through the attention.

    Parameters
    ----------
    dy, x : float32 array (B, h, w, C)
    kept : Attended
    w : mapping of str to float32 array
        The layer's tensors, as a checkpoint stores them.
    heads : int
    window : int
        0 for global attention.

    Returns
    -------
    dx : float32 array (B * h * w, C)
    dw : dict of str to float32 array
    """
    images, height, width, channels = x.shape
    windows = windows_of(height, width, window)
    d, dproj = linear_backward(dy.reshape(-1, channels), kept.result.reshape(-1, channels), under(w, "proj."))
    found = _all_heads_backward(d.reshape(images, -1, channels), kept, w, heads, windows)
    dqkv = found.qkv.reshape(-1, 3 * channels)
    dw = above(dproj, "proj.") | above(linear_weight_backward(dqkv, x.reshape(-1, channels), "qkv.bias" in w), "qkv.")
    if "qkv.bias" in w:
        dw["qkv.bias"] += found.padded.sum(axis=0)
    if "rel_pos_h" in w:
        rows = 2 * windows.grid.height - 1
        for name, doffsets in (("rel_pos_h", found.offsets[:rows]), ("rel_pos_w", found.offsets[rows:])):
            dtable = doffsets[::-1]
            if len(w[name]) != len(dtable):
                dtable = linear_resize_backward(dtable, w[name], len(dtable))
            dw[name] = np.ascontiguousarray(dtable)
    return linear_rows(dqkv, pack_stored(w["qkv.weight"])), dw


def _all_heads_backward(
    d: np.ndarray, kept: Attended, w: Mapping[str, np.ndarray], heads: int, windows: Windows
) -> Gradients:
    """Go back through all heads of all windows; sums over windows follow in one order."""
    images, tokens, channels = d.shape
    offsets = np.zeros((0, channels // heads), np.float32)
    if "rel_pos_h" in w:
        sides = zip(("rel_pos_h", "rel_pos_w"), windows.grid, strict=True)
        offsets = np.concatenate([relative_positions(w[name], side)[::-1] for name, side in sides])
    number = len(windows.places)
    dqkv = recycled_empty((images, tokens, 3 * channels))
    dpadded = np.zeros((images * number, 3 * channels), np.float32)
    doffsets = np.empty((images * number * heads, *offsets.shape), np.float32)

    def one_head(index: int, _: int) -> None:
        place, head = divmod(index, heads)
        image, window = divmod(place, number)
        asked = Asked(kept.queries[image], kept.keys_values[image], windows.places[window], windows.grid, offsets)
        attention_backward(d[image], asked, Head(head, heads), Gradients(dqkv[image], dpadded[place], doffsets[index]))

    for_each_block(one_head, images * number * heads)
    return Gradients(dqkv, dpadded, doffsets.sum(axis=0))
