"""Inputs and weights as AMX tiles read them: parts of bfloat16 numbers, runs filled up to whole tiles with zeros.

The type of packed weights says how a product is computed. Those for tiles are labeled by integers of as many bytes as a
number takes: int16 where it is one bfloat16 number, int32 where it is the sum of two. In the place of each 32 rows of a
panel lie one or two tiles::

    panel (columns 16p .. 16p + 15)
    +------------------------+------------------------+------------------------+
    | rows 0 .. 31, part 1   | rows 0 .. 31, part 2   | rows 32 .. 63, part 1  | ...
    +------------------------+------------------------+------------------------+
    a tile: 16 lines of 64 bytes
      line 0:  w[0, 0]  w[1, 0]   w[0, 1]  w[1, 1]   ...   w[0, 15]  w[1, 15]
      line 1:  w[2, 0]  w[3, 0]   w[2, 1]  w[3, 1]   ...   w[2, 15]  w[3, 15]
"""

import numpy as np

from numpy_vitmatte.kernels.bfloat16 import split, to_float32
from numpy_vitmatte.kernels.integers import greater
from numpy_vitmatte.kernels.rounding import round_run, split_run
from numpy_vitmatte.kernels.tiles import TILE_COLUMNS, TILE_DEPTH, TILE_ROWS
from numpy_vitmatte.runtime.choice import chosen_by_types
from numpy_vitmatte.runtime.jit import CALLED, EXACT_ORDER, INLINED, kernel
from numpy_vitmatte.runtime.workspace import aligned_empty

PARTS = {np.dtype(np.int16): 1, np.dtype(np.int32): 2}
"""bfloat16 numbers for each number, by the type of weights for tiles."""


@kernel(EXACT_ORDER, INLINED)
def whole_tiles(depth):
    """Round a length of sums up to whole tiles."""
    return -(-depth // TILE_DEPTH) * TILE_DEPTH


def pack_tiles(panels: np.ndarray, depth: int, segments: int, dtype: np.typing.DTypeLike) -> np.ndarray:
    """Lay out packed panels of float32 numbers for tiles.

    Parameters
    ----------
    panels : float32 array (panels * depth * 16,)
        As ``matmul.pack`` lays them out.
    depth : int
        Rows of a panel, in ``segments`` runs of equal length; each is filled up to a multiple of 32 rows.
    segments : int
    dtype : int16 or int32
        One bfloat16 number for each, or two.

    Returns
    -------
    int16 or int32 array (panels * rows * 16,)
    """
    run = depth // segments
    rows = np.zeros((panels.size // (run * TILE_COLUMNS), whole_tiles(run), TILE_COLUMNS), np.float32)
    rows[:, :run] = panels.reshape(-1, run, TILE_COLUMNS)
    parts = [
        part.reshape(-1, TILE_ROWS, 2, TILE_COLUMNS).swapaxes(2, 3) for part in split(rows, PARTS[np.dtype(dtype)])
    ]
    tiles = np.stack(parts, 1)  # [., 16, 16, 2] -> [., parts, 16, 16, 2]
    aligned = aligned_empty(tiles.size // 2).view(np.uint16)
    aligned.reshape(tiles.shape)[:] = tiles
    return aligned.view(dtype)


def unpacked_tiles(w: np.ndarray) -> list[np.ndarray]:
    """Bring weights for tiles back to rows of 16 columns, as float32 numbers: an array for each part."""
    tiles = to_float32(w.view(np.uint16)).reshape(-1, PARTS[w.dtype], TILE_ROWS, TILE_COLUMNS, 2).swapaxes(3, 4)
    return [tiles[:, part].reshape(-1) for part in range(PARTS[w.dtype])]


@kernel(EXACT_ORDER, CALLED)
def split_numbers(x, first, count, bits, start, length, parts, part):
    """Split ``x[first:][:count]`` into one part or both, each filled up with zeros to ``length`` numbers.

    The parts go to ``bits[start:]`` and ``bits[start + part:]``.
    """
    if parts > 1:
        split_run(x, first, count, bits, start, length, part)
    else:
        round_run(x, first, count, bits, start, length, part)


@kernel(EXACT_ORDER, CALLED, allocates=True)
def room_for_parts(size, parts):
    """Return an array for the parts of ``size`` numbers, where they begin, and how far the second parts lie behind.

    The first line of the cache and the last vector of a run need some room more.
    """
    part = whole_tiles(size) + 2 * TILE_DEPTH
    bits = np.empty(part * parts, np.uint16)
    return bits, np.intp(-(bits.ctypes.data // 2) % TILE_DEPTH), part  # a row of a tile should lie in one cache line


@kernel(EXACT_ORDER, CALLED, allocates=True)
def split_rows(x, rows, segments, parts):
    """Split the part of some rows that a product reads into bfloat16 numbers.

    Where windows overlap, numbers lie as they did, one after the other, and each is split once. A tile reads some of
    the next window, too, which zeros of the weights multiply: so numbers must be finite. Otherwise the runs of each row
    are copied one behind the other, each filled up with zeros. Tiles read 16 rows at least; those too many are zero.

    Parameters
    ----------
    x, rows, segments
        The same as those of ``matmul.sweep``.
    parts : {1, 2}

    Returns
    -------
    rows, segments
        ``Rows`` and ``Segments`` of the result, plain tuples. The second parts lie half of the array behind the first.
    """
    (number, step, depth), (values, start, x_step) = segments, x
    read, whole = greater(rows, TILE_ROWS), whole_tiles(depth)
    joined = x_step < depth or x_step == depth == whole
    # What is copied at a time, `count` numbers, and how far the copies of two segments lie apart.
    copies, run = (1, whole_tiles((read - 1) * x_step + whole)) if joined else (rows, whole)
    count = (rows - 1) * x_step + depth if joined else depth
    bits, begin, part = room_for_parts(number * run * (1 if joined else read), parts)
    if rows < TILE_ROWS:
        bits[:] = 0
    for s in range(number):
        for m in range(copies):
            first, target = start + m * x_step + s * step, begin + (m * number + s) * run
            split_numbers(values, first, count, bits, target, run, parts, part)
    return (bits, begin, x_step if joined else number * whole), (number, run, whole)


@kernel(EXACT_ORDER, INLINED)
def _depth_in_tiles(depth, weights):
    return whole_tiles(depth)


@kernel(EXACT_ORDER, INLINED)
def _depth_in_numbers(depth, weights):
    return depth


@chosen_by_types
def panel_depth(depth, weights):
    """Return the rows of a panel of packed weights whose sums have ``depth`` terms; some types need whole tiles.

    ``weights`` is an array of that type, or None for float32.
    """
    return _depth_in_tiles if parts_of(weights) else _depth_in_numbers


def parts_of(weights):
    """Return the parts of each number of weights for tiles, an array or its type in Numba, and 0 for other weights."""
    return PARTS.get(np.dtype(str(weights.dtype)), 0) if hasattr(weights, "dtype") else 0
