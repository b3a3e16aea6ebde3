"""The detail capture module by bands and tiles, so that a map at full resolution never exists as a whole.

The last two fusion blocks and the head, where nearly all of the decoder's numbers would be, run tile by tile: a tile of
the alpha reads a slightly larger rectangle of the maps before it, which is computed for it and forgotten. The smaller
maps are stored, for a band of the image at a time. Every number is computed by the same sum in the same order
whatever the tile, so that tiles, bands and threads change nothing, to the bit.

Tiles that hold no wanted pixel are left out, and so are the numbers that only they would have read.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np

from numpy_vitmatte.kernels.fused.alpha_tile import alpha_of_tile, quarter_size_detail
from numpy_vitmatte.kernels.matmul import pack
from numpy_vitmatte.kernels.regions import Piece, Rectangle, empty_piece, whole, zero_padded_piece
from numpy_vitmatte.layers.convstream import detail_rectangle
from numpy_vitmatte.layers.fusion import fuse_rectangle
from numpy_vitmatte.network.decoder_plan import Band, Pyramid
from numpy_vitmatte.network.needed_cells import area, bounds
from numpy_vitmatte.network.parameters import DecoderParameters
from numpy_vitmatte.network.progress import Steps
from numpy_vitmatte.runtime.threads import for_each_block
from numpy_vitmatte.runtime.workspace import FRESH, Workspace

_UNREAD = pack(np.empty((0, 0), np.float32))
"""Stands for the first detail map's convolution where the image is the only detail map."""


def decoder(
    features: np.ndarray,
    image: np.ndarray,
    parameters: DecoderParameters,
    bands: list[Band],
    memory: Workspace = FRESH,
    steps: Steps = Steps(),  # noqa: B008  (it counts nothing)
) -> np.ndarray:
    """Compute the alpha of one image.

    Parameters
    ----------
    features : float32 array (h, w, C)
        The transformer's features.
    image : float32 array (H, W, 4)
        Normalized RGB and trimap / 255.
    parameters : DecoderParameters
    bands : list of Band
        From ``plan_decoder``.
    memory : Workspace
        The stored maps overwrite its contents. ``stored_floats`` says how much they are.
    steps : Steps
        Each band is one step.

    Returns
    -------
    float32 array (H, W)
        In [0, 1]; zero where the plan leaves it out.
    """
    height, width, _ = image.shape
    pyramid, alpha = Pyramid(height, width, len(parameters.fusion_blocks)), np.zeros((height, width), np.float32)
    work = _Decoding(features, image, parameters, pyramid, alpha, memory)
    for band in bands:
        work.band(band)
        steps.done()
    return alpha


class _Decoding(NamedTuple):
    """One image on its way through the decoder."""

    features: np.ndarray
    image: np.ndarray
    parameters: DecoderParameters
    pyramid: Pyramid
    alpha: np.ndarray
    memory: Workspace

    def band(self, band: Band) -> None:
        """Compute stored details and fusion blocks, smallest first, then the tiles."""
        self.memory.restart()
        details = self.stored_details(band)
        x = whole(self.features)
        for fusion_block, rectangles in enumerate(band.fused):
            detail = details.pop(self.pyramid.detail_of(fusion_block))
            x = self.stored_fusion(fusion_block, rectangles, x, detail)
        _each(band.tiles, lambda tile: self.tile(tile, x))

    def stored_details(self, band: Band) -> dict[int, Piece]:
        """Compute D2, D3, ...; D1, the largest, is computed anew wherever it is read."""
        pieces: dict[int, Piece] = {}
        for number in sorted(band.details):
            rectangles, matrix = band.details[number], self.parameters.convstream.convs[number - 1]
            shape = self.pyramid.shape_of_detail(number)
            out = zero_padded_piece(bounds(rectangles).expanded(1), matrix.columns, shape, self.memory)
            if number == 2:
                compute = partial(quarter_size_detail, self.image, self.parameters.convstream.convs[0], matrix, out=out)
            else:
                compute = partial(detail_rectangle, pieces[number - 1], matrix, out=out)
            _each(rectangles, compute)
            pieces[number] = out
        return pieces

    def stored_fusion(self, fusion_block: int, rectangles: list[Rectangle], features: Piece, detail: Piece) -> Piece:
        """Compute the needed part of one fusion block's result."""
        parameters, shape = self.parameters.fusion_blocks[fusion_block], self.pyramid.shape(fusion_block - 1)
        out = empty_piece(bounds(rectangles), parameters.detail.columns, self.memory)
        _each(rectangles, lambda one: fuse_rectangle(features, detail, parameters, shape, one, out))
        return out

    def tile(self, tile: Rectangle, features: Piece) -> None:
        """Compute the last two fusion blocks and the head for one tile of the alpha."""
        convs, head = self.parameters.convstream.convs, self.parameters.matting_head
        half_size = convs[0] if convs else _UNREAD
        alpha_of_tile(features, self.image, half_size, self.parameters.fusion_blocks[-2:], head, tile, self.alpha)


def _each(rectangles: list[Rectangle], compute: Callable[[Rectangle], None]) -> None:
    """Compute all, the largest first: the small ones then even out what the threads have left to do."""
    order = sorted(rectangles, key=area, reverse=True)
    for_each_block(lambda index, _: compute(order[index]), len(order))
