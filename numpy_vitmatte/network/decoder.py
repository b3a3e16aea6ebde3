"""The detail capture module by bands and tiles, so that a map at full resolution never exists as a whole.

The last two fusion blocks and the head, where nearly all of the decoder's numbers would be, run tile by tile: a tile of
the alpha reads a slightly larger rectangle of the maps below it, which is computed for it and forgotten. The smaller
maps are stored, for a band of the picture at a time. Every number is computed by the same sum in the same order
whatever the tile, so that tiles, bands and threads change nothing, to the bit.

Tiles that hold no wanted pixel are left out, and so is what only they would have read.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np

from numpy_vitmatte.kernels.fused.alpha_tile import alpha_of_tile, quarter_size_detail
from numpy_vitmatte.kernels.regions import Piece, Rectangle, empty_piece, whole, zero_padded_piece
from numpy_vitmatte.layers.convstream import detail_rectangle
from numpy_vitmatte.layers.fusion import fuse_rectangle
from numpy_vitmatte.network.decoder_plan import Band, shape_of_level
from numpy_vitmatte.network.needed_cells import area, bounds
from numpy_vitmatte.network.parameters import DecoderParameters
from numpy_vitmatte.runtime.threads import for_each_block
from numpy_vitmatte.runtime.workspace import FRESH, Workspace


def decoder(
    features: np.ndarray,
    image: np.ndarray,
    parameters: DecoderParameters,
    bands: list[Band],
    memory: Workspace = FRESH,
) -> np.ndarray:
    """Alpha of a picture.

    Parameters
    ----------
    features : float32 array (h, w, C)
        Of the transformer.
    image : float32 array (H, W, 4)
        Normalised RGB and trimap / 255.
    parameters : DecoderParameters
    bands : list of Band
        From ``plan_decoder``.
    memory : Workspace
        With nothing of use in it: the stored maps go there. ``stored_room`` says how much they are.

    Returns
    -------
    float32 array (H, W)
        In [0, 1]; zero where the plan leaves it out.
    """
    work = _Decoding(features, image, parameters, np.zeros(image.shape[:2], np.float32), memory)
    for band in bands:
        work.band(band)
    return work.alpha


class _Decoding(NamedTuple):
    """One picture on its way through the decoder."""

    features: np.ndarray
    image: np.ndarray
    parameters: DecoderParameters
    alpha: np.ndarray
    memory: Workspace

    @property
    def levels(self) -> int:
        return len(self.parameters.fusion_blocks)

    def shape(self, level: int) -> tuple[int, int]:
        """Height and width of a fusion block's result; -1: of the tokens."""
        height, width, _ = self.image.shape
        return shape_of_level(height, width, level, self.levels)

    def band(self, band: Band) -> None:
        """Stored details and fusion blocks, smallest first, then the tiles."""
        self.memory.restart()
        details = self.stored_details(band)
        below = whole(self.features)
        for level, rectangles in enumerate(band.fused):
            detail = details.pop(self.levels - 1 - level)
            below = self.stored_fusion(level, rectangles, below, detail)
        _each(band.tiles, lambda tile: self.tile(tile, below))

    def stored_details(self, band: Band) -> dict[int, Piece]:
        """Detail maps 2 and up; map 1, the largest, is computed anew wherever it is read."""
        pieces: dict[int, Piece] = {}
        for index in sorted(band.details):
            rectangles, matrix = band.details[index], self.parameters.convstream.convs[index - 1]
            shape = self.shape(self.levels - 1 - index)
            out = zero_padded_piece(bounds(rectangles).expanded(1), matrix.columns, shape, self.memory)
            if index == 2:
                compute = partial(quarter_size_detail, self.image, self.parameters.convstream.convs[0], matrix, out=out)
            else:
                compute = partial(detail_rectangle, pieces[index - 1], matrix, out=out)
            _each(rectangles, compute)
            pieces[index] = out
        return pieces

    def stored_fusion(self, level: int, rectangles: list[Rectangle], below: Piece, detail: Piece) -> Piece:
        """What is needed of one fusion block's result."""
        block = self.parameters.fusion_blocks[level]
        out = empty_piece(bounds(rectangles), block.detail.columns, self.memory)
        _each(rectangles, lambda one: fuse_rectangle(below, detail, block, self.shape(level - 1), one, out))
        return out

    def tile(self, tile: Rectangle, below: Piece) -> None:
        """The last two fusion blocks and the head for one tile of the alpha."""
        details, head = self.parameters.convstream.convs, self.parameters.matting_head
        half_size = details[0] if details else head.conv  # where there is no detail map but the picture, any will do
        alpha_of_tile(below, self.image, half_size, self.parameters.fusion_blocks[-2:], head, tile, self.alpha)


def _each(rectangles: list[Rectangle], compute: Callable[[Rectangle], None]) -> None:
    """Compute all, the largest first: the small ones then even out what the threads have left to do."""
    order = sorted(rectangles, key=area, reverse=True)
    for_each_block(lambda index, _: compute(order[index]), len(order))
