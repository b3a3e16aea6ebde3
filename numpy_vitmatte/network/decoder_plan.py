"""What the decoder will compute, decided before it starts: bands, tiles, and the rectangles of every map they need.

Fusion block ``k`` of ``levels`` works at 1/2**(levels - 1 - k) of the picture's size, on detail map ``levels - 1 - k``
(map 0 is the picture itself). All but the last two blocks' results are *stored*, a band at a time.
"""

import functools
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from numpy_vitmatte.kernels.conv import input_region_of_conv
from numpy_vitmatte.kernels.fused.alpha_tile import input_region_of_tile
from numpy_vitmatte.kernels.regions import Rectangle
from numpy_vitmatte.kernels.upsample_conv import input_region_of_fusion
from numpy_vitmatte.network.needed_cells import Cells, area, bounds
from numpy_vitmatte.runtime.threads import even_block, get_num_threads
from numpy_vitmatte.runtime.workspace import workspace_floats

TILE_ROWS, TILE_COLUMNS = 128, 192
"""Largest tile of the alpha, in pixels: its maps stay in the caches, and its border costs little."""
RUN_ROWS, RUN_COLUMNS = 80, 96
"""Largest rectangle of a stored map that a thread takes at a time, in pixels of that map."""
TILE_BORDER, FUSED_BORDER = 3, 1
"""Pixels on each side that a tile, or a rectangle of a stored fusion block, computes besides its own. The first block's
rectangles hold what is needed and nothing else: four pixels more are a token more for the last transformer block, which
costs much more than a border. Those of detail maps read hardly anything twice."""
TILE_CELL = 8
CELL = 2
"""Where not all is wanted, cells of this many pixels of the alpha, and of a stored map, are computed or left out."""


class Band(NamedTuple):
    """One band of the picture: rectangles to compute, first the details, then the stored fusion blocks, then the tiles.

    Attributes
    ----------
    details : dict of int to list of Rectangle
        By the number of the detail map, 2 and up.
    fused : list of lists of Rectangle
        By the number of the fusion block, all but the last two.
    tiles : list of Rectangle
        Of the alpha.
    tokens : list of Rectangle
        Of the token grid: all that the band reads.
    """

    details: dict[int, list[Rectangle]]
    fused: list[list[Rectangle]]
    tiles: list[Rectangle]
    tokens: list[Rectangle]


def shape_of_level(height: int, width: int, level: int, levels: int) -> tuple[int, int]:
    """Height and width of fusion block ``level``'s result, or with -1 of the token grid."""
    shift = levels - 1 - level
    return height >> shift, width >> shift


def plan_decoder(
    height: int, width: int, levels: int, wanted: np.ndarray | None = None, band_rows: int | None = None
) -> list[Band]:
    """Lay out the decoder's work.

    Parameters
    ----------
    height, width : int
        Of the padded picture, multiples of ``2**levels``.
    levels : int
        Fusion blocks.
    wanted : bool array (height, width), optional
        The pixels whose alpha is of use. Default: all.
    band_rows : int, optional
        Rows of a band, rounded up to whole tiles. Default: one band.

    Returns
    -------
    list of Band
        Those that hold a wanted pixel. Not to be changed: the next caller may be given the same.
    """
    rows = height if band_rows is None else -(-band_rows // TILE_ROWS) * TILE_ROWS
    if wanted is None:
        return _bands_of_all(height, width, levels, rows, get_num_threads())
    return _bands(height, width, levels, wanted, rows)


@functools.lru_cache(maxsize=16)
def _bands_of_all(height: int, width: int, levels: int, rows: int, threads: int) -> list[Band]:
    """Kept, because pictures of one size often come one after the other; the threads decide how it is cut."""
    return _bands(height, width, levels, np.ones((height, width), bool), rows)


def _bands(height: int, width: int, levels: int, wanted: np.ndarray, rows: int) -> list[Band]:
    bands = []
    for top in range(0, height, rows):
        bottom = min(top + rows, height)
        cells = Cells(bottom - top, width, TILE_CELL, TILE_CELL)
        cells.mark_pixels(wanted[top:bottom])
        tiles = cells.rectangles(TILE_ROWS, TILE_COLUMNS, TILE_BORDER) + np.array([top, 0, top, 0])
        if len(tiles):
            bands.append(_plan_band(tiles, height, width, levels))
    return bands


def _plan_band(tiles: np.ndarray, height: int, width: int, levels: int) -> Band:
    """From the alpha down to the tokens: what each map must hold for the one above it."""
    needed = _of_each(tiles, input_region_of_tile, height, width, min(levels, 2))
    fused: list[np.ndarray] = []
    for level in reversed(range(levels - 2)):
        below = shape_of_level(height, width, level - 1, levels)
        border = FUSED_BORDER if level else 0
        fused.insert(0, _covering(needed, shape_of_level(height, width, level, levels), border))
        needed = _of_each(fused[0], input_region_of_fusion, *below)
    details: dict[int, np.ndarray] = {}
    for index in reversed(range(2, levels)):
        level = levels - 1 - index
        reads = fused[level] + np.array([-1, -1, 1, 1])
        if index + 1 in details:
            reads = np.concatenate([reads, _of_each(details[index + 1], input_region_of_conv, 2)])
        details[index] = _covering(reads, shape_of_level(height, width, level, levels), 0)
    stored = {index: _rectangles(found) for index, found in details.items()}
    return Band(stored, [_rectangles(found) for found in fused], _rectangles(tiles), _rectangles(needed))


def _of_each(rows: np.ndarray, read: Callable[..., Rectangle], *arguments: int) -> np.ndarray:
    """What each of some rectangles (n, 4) reads, (n, 4) again."""
    return np.array([read(one, *arguments) for one in _rectangles(rows)], np.int64).reshape(-1, 4)


def _rectangles(rows: np.ndarray) -> list[Rectangle]:
    return [Rectangle(*row) for row in rows.tolist()]


def _covering(rectangles: np.ndarray, shape: tuple[int, int], border: int) -> np.ndarray:
    cells = Cells(*shape, CELL, CELL)
    cells.mark(rectangles)
    return cells.rectangles(even_block(shape[0], RUN_ROWS, CELL), RUN_COLUMNS, border)


def tokens_of(bands: list[Band], shape: tuple[int, int], levels: int) -> np.ndarray:
    """Mask (h, w) of the tokens that any band of a picture of ``shape`` (H, W) reads."""
    mask = np.zeros(shape_of_level(*shape, -1, levels), bool)
    for band in bands:
        for top, left, bottom, right in band.tokens:
            mask[top:bottom, left:right] = True
    return mask


def stored_room(band: Band, detail_channels: Sequence[int], fused_channels: Sequence[int]) -> int:
    """Size of a workspace's block for what a band stores.

    Parameters
    ----------
    band : Band
    detail_channels : sequence of int
        Of detail maps 1, 2, ...
    fused_channels : sequence of int
        Of the fusion blocks' results, from the first block on.
    """
    details = [(area(bounds(found).expanded(1)), detail_channels[index - 1]) for index, found in band.details.items()]
    fused = [(area(bounds(found)), fused_channels[level]) for level, found in enumerate(band.fused)]
    return workspace_floats(*details, *fused)


class Shares(NamedTuple):
    """Shares, in [0, 1], of the alpha's pixels that tiles cover and of the tokens that are read."""

    pixels: float
    tokens: float


def shares(wanted: np.ndarray, levels: int) -> Shares:
    """How much a mask (H, W) of wanted pixels leaves to compute."""
    height, width = wanted.shape
    bands = plan_decoder(height, width, levels, wanted)
    tiles = sum(area(tile) for band in bands for tile in band.tiles)
    return Shares(tiles / wanted.size, float(tokens_of(bands, (height, width), levels).mean()))
