"""Multi-head self-attention with decomposed relative positions, in windows or over the whole grid.

For a query i at row y_i, column x_i of the token grid and a key j, in every head::

    score[i, j] = q_i . k_j / sqrt(d)  +  q_i . R_h[y_i - y_j]  +  q_i . R_w[x_i - x_j]

(MViTv2, Li et al. 2022, arXiv:2112.01526; the query in the last two terms is *not* scaled.) Window attention is
the same function on tiles of 14 x 14 tokens. A grid that windows do not divide is padded with zero tokens *after* the
layer norm, so a padded token has the qkv bias as its query, key and value, and real tokens attend to it. That is how
the published weights were trained (ViTDet, Li et al. 2022, arXiv:2203.16527); keep it.
"""

import functools
import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from numpy_vitmatte.kernels.attention import (
    QUERIES_AT_A_TIME,
    packed_sizes,
    rows_of_keys,
    tokens_of_block,
)
from numpy_vitmatte.kernels.fused.global_block import prepare_keys_values, transform_queries
from numpy_vitmatte.kernels.fused.residual_mlp import NO_MLP, NO_NORM, ResidualMlp, add_residual_mlp
from numpy_vitmatte.kernels.fused.window_block import transform_windows
from numpy_vitmatte.kernels.matmul import ROWS_IN_CACHE, PackedMatrix, pack
from numpy_vitmatte.kernels.microkernel import MR, PANEL, SHORT_ROWS
from numpy_vitmatte.layers.position import RelativePositions
from numpy_vitmatte.runtime.threads import even_block, for_each_block, get_num_threads
from numpy_vitmatte.runtime.workspace import FRESH, Workspace, workspace_floats

QUERIES_PER_BLOCK = 4 * QUERIES_AT_A_TIME
"""Queries that a thread takes at a time, at most: so often is a block of keys used that has come from memory."""

KEYS_PER_PIECE = 12 * PANEL
"""Tokens whose keys and values a thread prepares at a time."""

WINDOWED_TOKENS = 256
"""Tokens of the windows that a thread takes at a time, unless one has more: few rows leave tiles half empty, and after
each call of a kernel a thread may have to wait for the interpreter."""

TURNS = 4
"""Turns of windows that each thread must have at least to finish them at once. With fewer, some threads would have much
more to do than others; rows can be shared out evenly."""

_NONE = np.empty((1, 1, 0, 0), np.float32)  # where no probabilities are kept

Norm = tuple[np.ndarray, np.ndarray, float]
"""Scale (C,), shift (C,) and epsilon of a layer norm."""


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
    """

    query: PackedMatrix
    keys_values: PackedMatrix
    proj: PackedMatrix
    heads: int
    rel_pos_h: RelativePositions | None
    rel_pos_w: RelativePositions | None

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


def _packed_tables(parameters: AttentionParameters, height: int, width: int) -> tuple[np.ndarray, np.ndarray, bool]:
    """Relative positions of a grid, packed as (d, 2 height - 1) and (d, 2 width - 1), and whether there are any."""
    if parameters.rel_pos_h is None or parameters.rel_pos_w is None:
        return np.zeros(1, np.float32), np.zeros(1, np.float32), False
    return parameters.rel_pos_h.packed_for(height), parameters.rel_pos_w.packed_for(width), True


def _pieces_of_blocks(height: int, width: int) -> list[tuple[int, int, int]]:
    """(block of keys, first token of it, one after the last): all blocks of a grid, cut for the threads."""
    pieces = []
    for block in range(-(-height // rows_of_keys(width))):
        tokens = tokens_of_block(block, height, width)
        pieces += [(block, n, min(n + KEYS_PER_PIECE, tokens)) for n in range(0, tokens, KEYS_PER_PIECE)]
    return pieces


def _no_norm_or(norm: Norm | None) -> Norm:
    return NO_NORM if norm is None else (norm[0], norm[1], norm[2])


def global_attention(
    tokens: np.ndarray,
    parameters: AttentionParameters,
    probabilities: np.ndarray | None = None,
    out: np.ndarray | None = None,
    norm: Norm | None = None,
    after: ResidualMlp | None = None,
    wanted: np.ndarray | None = None,
    memory: Workspace = FRESH,
) -> np.ndarray:
    """Attention of every token to every token.

    Parameters
    ----------
    tokens : float32 array (h, w, C)
        Contiguous.
    parameters : AttentionParameters
    probabilities : float32 array (1, heads, h * w, h * w), optional
        Filled with the attention probabilities: rows sum to 1. Without it they never exist as a whole.
    out : float32 array (h, w, C), optional
        Where the result goes; it may be ``tokens`` itself.
    norm : Norm, optional
        The layer norm before attention. Without it ``tokens`` are taken as normalised.
    after : ResidualMlp, optional
        What follows attention in a transformer block. Then ``out`` is not ``tokens``.
    wanted : int64 array, optional
        The tokens, counted row by row, whose result is of use; of the others ``out`` may hold anything. Default: all.
    memory : Workspace
        With nothing of use in it: keys and values go there. ``keys_values_room`` says how much they are.

    Returns
    -------
    float32 array (h, w, C)
        After the output projection and what follows.
    """
    height, width, channels = tokens.shape
    heads, size = parameters.heads, channels // parameters.heads
    out = np.empty_like(tokens) if out is None else out
    flat, flat_out = tokens.reshape(-1, channels), out.reshape(-1, channels)  # [h, w, C] -> [h * w, C]
    normalized = flat if norm is None else flat_out  # until attention replaces it
    wanted = np.arange(height * width) if wanted is None else wanted
    kept, keep = (_NONE if probabilities is None else probabilities)[0], probabilities is not None
    before, projections = _no_norm_or(norm), (heads, parameters.query, parameters.proj)
    tables, finish = _packed_tables(parameters, height, width), NO_MLP if after is None else after
    memory.restart()
    keys, values = (memory.empty((heads, length)) for length in packed_sizes(height, width, size))

    pieces = _pieces_of_blocks(height, width)

    def prepare_keys(number: int, _: int) -> None:
        prepare_keys_values(flat, pieces[number], height, width, before, heads, parameters.keys_values, keys, values,
                            normalized)  # fmt: skip

    def attend_block(first: int, last: int) -> None:
        transform_queries(flat, normalized, wanted[first:last], height, width, projections, keys, values, tables,
                          kept, first, keep, finish, flat_out)  # fmt: skip

    for_each_block(prepare_keys, len(pieces))
    for_each_block(attend_block, len(wanted), even_block(len(wanted), QUERIES_PER_BLOCK, MR))
    return out


def keys_values_room(height: int, width: int, parameters: AttentionParameters) -> int:
    """Size of a workspace's block for ``global_attention`` on a grid of ``height`` x ``width`` tokens."""
    heads, channels = parameters.heads, parameters.query.columns
    return workspace_floats(*((heads, length) for length in packed_sizes(height, width, channels // heads)))


@functools.lru_cache(maxsize=16)
def _groups_of_windows(height: int, width: int, window: int, threads: int) -> list[np.ndarray]:
    """Numbers of the windows that one of ``threads`` takes at a time, int64 arrays, all of one shape inside the grid.

    Whole windows first: the small ones at the border then even out what the threads have left to do.
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
    """Whether there are windows enough for all threads to end at nearly the same time."""
    return tokens >= TURNS * get_num_threads() * max(window**2, WINDOWED_TOKENS)


def _finish(tokens: np.ndarray, out: np.ndarray, after: ResidualMlp) -> None:
    """What follows attention, in place of its result ``out`` (h, w, C): rows, of which all threads get the same."""
    x, attended = (values.reshape(-1, values.shape[-1]) for values in (tokens, out))  # [h, w, C] -> [N, C]

    def finish_rows(first: int, last: int) -> None:
        add_residual_mlp(x[first:last], attended[first:last], after)

    for_each_block(finish_rows, len(x), even_block(len(x), 2 * ROWS_IN_CACHE, SHORT_ROWS))


def window_attention(
    tokens: np.ndarray,
    parameters: AttentionParameters,
    window: int,
    probabilities: np.ndarray | None = None,
    out: np.ndarray | None = None,
    norm: Norm | None = None,
    after: ResidualMlp | None = None,
) -> np.ndarray:
    """Attention inside non-overlapping windows of ``window`` x ``window`` tokens.

    Parameters
    ----------
    tokens : float32 array (h, w, C)
    parameters : AttentionParameters
    window : int
        Side of a window; windows at the bottom and right reach into padding where it does not divide h or w.
    probabilities : float32 array (windows, heads, window**2, window**2), optional
        Filled with the attention probabilities, windows row by row; those of padded tokens too.
    out : float32 array (h, w, C), optional
        Where the result goes; it may be ``tokens`` itself.
    norm : Norm, optional
        The layer norm before attention. Without it ``tokens`` are taken as normalised.
    after : ResidualMlp, optional
        What follows attention in a transformer block. Then ``out`` is not ``tokens``.

    Returns
    -------
    float32 array (h, w, C)
        After the output projection and what follows.
    """
    height, width, _ = tokens.shape
    out = np.empty_like(tokens) if out is None else out
    kept, keep = _NONE if probabilities is None else probabilities, probabilities is not None
    before, tables = _no_norm_or(norm), _packed_tables(parameters, window, window)
    projections = parameters.heads, parameters.query, parameters.keys_values, parameters.proj
    groups = _groups_of_windows(height, width, window, get_num_threads())
    at_once = after if after is not None and _threads_take_turns(height * width, window) else None
    finish = NO_MLP if at_once is None else at_once

    def transform_some(turn: int, _: int) -> None:
        transform_windows(tokens, window, groups[turn], before, projections, tables, kept, keep, finish, out)

    for_each_block(transform_some, len(groups))
    if after is not None and at_once is None:
        _finish(tokens, out, after)
    return out
