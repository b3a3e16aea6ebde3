"""Multi-head self-attention with decomposed relative positions, in windows or over the whole grid.

For a query i at row y_i, column x_i of the token grid and a key j, in every head::

    score[i, j] = q_i . k_j / sqrt(d)  +  q_i . R_h[y_i - y_j]  +  q_i . R_w[x_i - x_j]

(MViTv2, Li et al. 2022, arXiv:2112.01526; the query in the last two terms is *not* scaled.) Window attention is
the same function on tiles of 14 x 14 tokens. A grid that windows do not divide is padded with zero tokens *after* the
layer norm, so a padded token has the qkv bias as its query, key and value, and real tokens attend to it. That is how
the published weights were trained (ViTDet, Li et al. 2022, arXiv:2203.16527); keep it.
"""

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from numpy_vitmatte.kernels.attention import (
    QUERIES_AT_A_TIME,
    packed_sizes,
    rows_of_keys,
    tokens_of_block,
)
from numpy_vitmatte.kernels.grid import attend_grid, prepare_keys_values
from numpy_vitmatte.kernels.matmul import ROWS_IN_CACHE, PackedMatrix, pack
from numpy_vitmatte.kernels.parallel import even_block, for_each_block, get_num_threads
from numpy_vitmatte.kernels.tile import PANEL, SHORT_ROWS, TILE_ROWS
from numpy_vitmatte.kernels.windows import attend_windows
from numpy_vitmatte.kernels.workspace import FRESH, Workspace, room
from numpy_vitmatte.layers.position import relative_positions

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


class RelativePositions(NamedTuple):
    """The vectors of the offsets along one axis.

    Attributes
    ----------
    table : float32 array (rows, d)
        As stored.
    panels : float32 array
        Packed for as many tokens as they are stored for, which a window always has.
    """

    table: np.ndarray
    panels: np.ndarray

    @classmethod
    def from_table(cls, table: np.ndarray) -> "RelativePositions":
        """Pack a checkpoint's ``rel_pos_h`` or ``rel_pos_w``."""
        return cls(table, _packed(table))

    def packed_for(self, length: int) -> np.ndarray:
        """A packed (d, 2 length - 1), resized where another length is stored."""
        resized = relative_positions(self.table, length)
        return self.panels if resized is self.table else _packed(resized)


def _packed(offsets: np.ndarray) -> np.ndarray:
    """Rows are reversed, so that the offsets of one query to keys 0, 1, 2, ... are neighbours in memory."""
    return pack(offsets[::-1].T).panels


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


def global_attention(
    tokens: np.ndarray,
    parameters: AttentionParameters,
    probabilities: np.ndarray | None = None,
    out: np.ndarray | None = None,
    norm: Callable[[np.ndarray], np.ndarray] | None = None,
    finish: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = None,
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
    norm : callable, optional
        The layer norm before attention, of any rows (..., C). Without it ``tokens`` are taken as normalised.
    finish : callable, optional
        What some ``tokens`` (..., C) from before the norm and their result become. Then ``out`` is not ``tokens``.
    wanted : int64 array, optional
        The tokens, counted row by row, whose result is of use; of the others ``out`` may hold anything. Default: all.
    memory : Workspace
        With nothing of use in it: keys and values go there. ``keys_values_room`` says how much they are.

    Returns
    -------
    float32 array (h, w, C)
        After the output projection and ``finish``.
    """
    height, width, channels = tokens.shape
    heads, size = parameters.heads, channels // parameters.heads
    out = np.empty_like(tokens) if out is None else out
    flat, flat_out = tokens.reshape(-1, channels), out.reshape(-1, channels)  # [h, w, C] -> [h * w, C]
    source = flat if norm is None else flat_out
    wanted = np.arange(height * width) if wanted is None else wanted
    kept = _NONE if probabilities is None else probabilities
    table_h, table_w, relative = _packed_tables(parameters, height, width)
    memory.restart()
    keys, values = (memory.empty((heads, length)) for length in packed_sizes(height, width, size))

    pieces, block_tokens = _pieces_of_blocks(height, width), rows_of_keys(width) * width

    def prepare_keys(number: int, _: int) -> None:
        block, begin, end = pieces[number]
        some = slice(block * block_tokens + begin, block * block_tokens + end)
        if norm is not None:
            flat_out[some] = norm(flat[some])  # until attention replaces it
        prepare_keys_values(source[some].reshape(-1), parameters.keys_values, block, begin, end, height, width, heads,
                            keys, values)  # fmt: skip

    def attend_block(first: int, last: int) -> None:
        positions = wanted[first:last]
        some = slice(first, last) if len(wanted) == len(flat) else positions  # a slice is not copied
        attended = np.empty((len(positions), channels), np.float32)
        attend_grid(source[some].reshape(-1), parameters.query, parameters.proj, heads, positions, height, width,
                    keys, values, table_h, table_w, relative, kept[0], first, probabilities is not None,
                    attended.reshape(-1))  # fmt: skip
        flat_out[some] = attended if finish is None else finish(flat[some], attended)

    for_each_block(prepare_keys, len(pieces))
    for_each_block(attend_block, len(wanted), even_block(len(wanted), QUERIES_PER_BLOCK, TILE_ROWS))
    return out


def keys_values_room(height: int, width: int, parameters: AttentionParameters) -> int:
    """Size of a workspace's block for ``global_attention`` on a grid of ``height`` x ``width`` tokens."""
    heads, channels = parameters.heads, parameters.query.columns
    return room(*((heads, length) for length in packed_sizes(height, width, channels // heads)))


def _groups_of_windows(height: int, width: int, window: int) -> list[list[tuple[int, int, int]]]:
    """(number, top, left) of the windows that a thread takes at a time, all of one shape inside the grid.

    Whole windows first: the small ones at the border then even out what the threads have left to do.
    """
    across, most = -(-width // window), max(1, WINDOWED_TOKENS // window**2)
    shapes: dict[tuple[int, int], list[tuple[int, int, int]]] = {}
    for number in range(across * -(-height // window)):
        y, x = (window * n for n in divmod(number, across))
        shapes.setdefault((min(window, height - y), min(window, width - x)), []).append((number, y, x))
    groups = []
    for shape in sorted(shapes, key=math.prod, reverse=True):
        alike = shapes[shape]
        together = even_block(len(alike), most, 1)
        groups += [alike[n : n + together] for n in range(0, len(alike), together)]
    return groups


def _threads_take_turns(tokens: int, window: int) -> bool:
    """Whether there are windows enough for all threads to end at nearly the same time."""
    return tokens >= TURNS * get_num_threads() * max(window**2, WINDOWED_TOKENS)


def _finish(tokens: np.ndarray, out: np.ndarray, finish: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> None:
    """``out = finish(tokens, out)``, both (h, w, C), by rows that leave all threads the same to do."""
    before, after = (values.reshape(-1, values.shape[-1]) for values in (tokens, out))  # [h, w, C] -> [N, C]

    def finish_rows(first: int, last: int) -> None:
        after[first:last] = finish(before[first:last], after[first:last])

    for_each_block(finish_rows, len(after), even_block(len(after), 2 * ROWS_IN_CACHE, SHORT_ROWS))


def window_attention(
    tokens: np.ndarray,
    parameters: AttentionParameters,
    window: int,
    probabilities: np.ndarray | None = None,
    out: np.ndarray | None = None,
    norm: Callable[[np.ndarray], np.ndarray] | None = None,
    finish: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = None,
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
    norm : callable, optional
        The layer norm before attention, of any rows (..., C). Without it ``tokens`` are taken as normalised.
    finish : callable, optional
        What some ``tokens`` (..., C) from before the norm and their result become. Then ``out`` is not ``tokens``.

    Returns
    -------
    float32 array (h, w, C)
        After the output projection and ``finish``.
    """
    height, width, _ = tokens.shape
    out = np.empty_like(tokens) if out is None else out
    tables, kept = _packed_tables(parameters, window, window), _NONE if probabilities is None else probabilities
    groups = _groups_of_windows(height, width, window)
    at_once = finish if _threads_take_turns(height * width, window) else None

    def attend_some(turn: int, _: int) -> None:
        windows = groups[turn]
        own = np.stack([tokens[y : y + window, x : x + window] for _, y, x in windows])  # cut off at the border
        real = own if norm is None else norm(own)
        numbers = np.array([number for number, _, _ in windows])
        attended = attend_windows(real, window, parameters.heads, parameters.query, parameters.keys_values,
                                  parameters.proj, *tables, numbers, kept, probabilities is not None)  # fmt: skip
        result = attended if at_once is None else at_once(own, attended)
        for (_, y, x), place in zip(windows, result, strict=True):
            out[y : y + window, x : x + window] = place

    for_each_block(attend_some, len(groups))
    if finish is not None and at_once is None:
        _finish(tokens, out, finish)
    return out
