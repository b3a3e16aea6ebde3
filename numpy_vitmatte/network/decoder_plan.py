"""The plan of the decoder's work, made before it starts: bands, tiles, and the rectangles of every map they need.

Fusion block ``k`` of ``n`` doubles the map before it to 1 / 2**(n - 1 - k) of the image's size and joins detail map
D(n - 1 - k), which has that size; D0 is the image itself. The results of all but the last two blocks are *stored*, a
band at a time.
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

ALPHA_TILE_ROWS, ALPHA_TILE_COLUMNS = 128, 192
"""Largest tile of the alpha, in pixels: its maps stay in the caches, and its halo costs little."""
STORED_ROWS, STORED_COLUMNS = 64, 128
"""Largest rectangle of a stored map that a thread takes at a time, in pixels of that map."""
ALPHA_TILE_HALO, FUSED_HALO = 3, 1
"""Pixels on each side that a tile, or a rectangle of a stored fusion block, computes in addition to its own. The first
block's rectangles hold the needed pixels and nothing else: four pixels more are a token more for the last transformer
block, which costs much more than a halo. Rectangles of detail maps read hardly anything twice."""
ALPHA_CELL, STORED_CELL = 8, 2
"""Sides, in pixels, of the cells of the alpha, and of a stored map, that are left out where no pixel is wanted."""


class Pyramid(NamedTuple):
    """The sizes of an image's maps, each half of the next: the token grid, then the fusion blocks' results.

    Attributes
    ----------
    height, width : int
        Size of the padded image, multiples of ``2**fusion_blocks``.
    fusion_blocks : int
        The number of fusion blocks.
    """

    height: int
    width: int
    fusion_blocks: int

    def shape(self, fusion_block: int) -> tuple[int, int]:
        """Return height and width of a fusion block's result; with -1, of the token grid."""
        return self.shape_of_detail(self.detail_of(fusion_block))

    def detail_of(self, fusion_block: int) -> int:
        """Return the number of the detail map that a fusion block joins."""
        return self.fusion_blocks - 1 - fusion_block

    def shape_of_detail(self, number: int) -> tuple[int, int]:
        """Return height and width of detail map D0, D1, ...; D0 is the image."""
        return self.height >> number, self.width >> number


class Band(NamedTuple):
    """One band of the image: rectangles to compute, first the details, then the stored fusion blocks, then the tiles.

    Attributes
    ----------
    details : dict of int to list of Rectangle
        Rectangles of D2, D3, ..., by the map's number.
    fused : list of lists of Rectangle
        Rectangles of the results of all fusion blocks but the last two.
    tiles : list of Rectangle
        Tiles of the alpha.
    tokens : list of Rectangle
        Rectangles of the token grid: all that the band reads.
    """

    details: dict[int, list[Rectangle]]
    fused: list[list[Rectangle]]
    tiles: list[Rectangle]
    tokens: list[Rectangle]


def plan_decoder(pyramid: Pyramid, wanted: np.ndarray | None = None, band_rows: int | None = None) -> list[Band]:
    """Lay out the decoder's work.

    Parameters
    ----------
    pyramid : Pyramid
    wanted : bool array (height, width), optional
        The pixels whose alpha is needed. Default: all.
    band_rows : int, optional
        Rows of a band, rounded up to whole tiles. Default: one band.

    Returns
    -------
    list of Band
        The bands that hold a wanted pixel. Do not change them: the next caller may get the same objects.
    """
    rows = pyramid.height if band_rows is None else -(-band_rows // ALPHA_TILE_ROWS) * ALPHA_TILE_ROWS
    if wanted is None:
        return _bands_of_all(pyramid, rows, get_num_threads())
    return _bands(pyramid, wanted, rows)


@functools.lru_cache(maxsize=16)
def _bands_of_all(pyramid: Pyramid, rows: int, threads: int) -> list[Band]:
    """Plan for every pixel. Plans are kept: photos of one size often follow each other. The threads decide the cuts."""
    return _bands(pyramid, np.ones((pyramid.height, pyramid.width), bool), rows)


def _bands(pyramid: Pyramid, wanted: np.ndarray, rows: int) -> list[Band]:
    bands = []
    for top in range(0, pyramid.height, rows):
        bottom = min(top + rows, pyramid.height)
        cells = Cells(bottom - top, pyramid.width, ALPHA_CELL, ALPHA_CELL)
        cells.mark_pixels(wanted[top:bottom])
        tiles = cells.rectangles(ALPHA_TILE_ROWS, ALPHA_TILE_COLUMNS, ALPHA_TILE_HALO) + np.array([top, 0, top, 0])
        if len(tiles):
            bands.append(_plan_band(tiles, pyramid))
    return bands


def _plan_band(tiles: np.ndarray, pyramid: Pyramid) -> Band:
    """Plan from the alpha down to the tokens: each map must hold what the one above it reads."""
    height, width, blocks = pyramid
    needed = _of_each(tiles, input_region_of_tile, height, width, min(blocks, 2))
    fused: list[np.ndarray] = []
    for block in reversed(range(blocks - 2)):
        fused.insert(0, _cover(needed, pyramid.shape(block), FUSED_HALO if block else 0))
        needed = _of_each(fused[0], input_region_of_fusion, *pyramid.shape(block - 1))
    details: dict[int, np.ndarray] = {}
    for number in reversed(range(2, blocks)):
        reads = fused[blocks - 1 - number] + np.array([-1, -1, 1, 1])
        if number + 1 in details:
            reads = np.concatenate([reads, _of_each(details[number + 1], input_region_of_conv, 2)])
        details[number] = _cover(reads, pyramid.shape_of_detail(number), 0)
    stored = {number: _rectangles(found) for number, found in details.items()}
    return Band(stored, [_rectangles(found) for found in fused], _rectangles(tiles), _rectangles(needed))


def _of_each(rows: np.ndarray, region: Callable[..., Rectangle], *arguments: int) -> np.ndarray:
    """Return the input region of each of some rectangles (n, 4): (n, 4) again."""
    return np.array([region(one, *arguments) for one in _rectangles(rows)], np.int64).reshape(-1, 4)


def _rectangles(rows: np.ndarray) -> list[Rectangle]:
    return [Rectangle(*row) for row in rows.tolist()]


def _cover(rectangles: np.ndarray, shape: tuple[int, int], halo: int) -> np.ndarray:
    cells = Cells(*shape, STORED_CELL, STORED_CELL)
    cells.mark(rectangles)
    return cells.rectangles(even_block(shape[0], STORED_ROWS, STORED_CELL), STORED_COLUMNS, halo)


def tokens_of(bands: list[Band], pyramid: Pyramid) -> np.ndarray:
    """Return the mask (h, w) of the tokens that any band reads."""
    mask = np.zeros(pyramid.shape(-1), bool)
    for band in bands:
        for top, left, bottom, right in band.tokens:
            mask[top:bottom, left:right] = True
    return mask


def stored_floats(band: Band, detail_channels: Sequence[int], fused_channels: Sequence[int]) -> int:
    """Return the size of a workspace's block for the maps that a band stores.

    Parameters
    ----------
    band : Band
    detail_channels : sequence of int
        Channels of D1, D2, ...
    fused_channels : sequence of int
        Channels of the fusion blocks' results, from the first block on.
    """
    details = [(area(bounds(found).expanded(1)), detail_channels[number - 1]) for number, found in band.details.items()]
    fused = [(area(bounds(found)), fused_channels[block]) for block, found in enumerate(band.fused)]
    return workspace_floats(*details, *fused)


class Shares(NamedTuple):
    """Shares, in [0, 1], of the alpha's pixels that tiles cover and of the tokens that are read."""

    pixels: float
    tokens: float


def shares(wanted: np.ndarray, fusion_blocks: int) -> Shares:
    """Return the shares that a mask (H, W) of wanted pixels leaves to compute; 0 where nothing is wanted."""
    if not wanted.any():
        return Shares(0.0, 0.0)
    pyramid = Pyramid(len(wanted), wanted.shape[1], fusion_blocks)
    bands = plan_decoder(pyramid, wanted)
    tiles = sum(area(tile) for band in bands for tile in band.tiles)
    return Shares(tiles / wanted.size, float(tokens_of(bands, pyramid).mean()))
