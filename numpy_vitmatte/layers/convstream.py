"""The ConvStream: detail maps D1, D2 and D3 at 1/2, 1/4 and 1/8 of the image's size (ViTMatte, section 3.4).

A patch of 16 x 16 pixels is one token, so hair is lost on the transformer. Small convolutions of stride 2 keep it. D0
is the image itself; the numbers are those of the authors' code and of transformers.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from numpy_vitmatte.kernels.conv import conv_relu, pack_conv, rows_per_block
from numpy_vitmatte.kernels.matmul import PackedMatrix
from numpy_vitmatte.kernels.regions import Piece, Rectangle, zero_padded_copy, zero_padded_piece
from numpy_vitmatte.runtime.threads import for_each_block


class ConvStreamParameters(NamedTuple):
    """The packed 3x3 convolutions, batch norm folded in."""

    convs: tuple[PackedMatrix, ...]

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, np.ndarray]) -> "ConvStreamParameters":
        """Take ``convs.0 .. convs.n`` of a checkpoint's ConvStream after ``fold_batch_norms``."""
        count = sum(name.endswith("conv.weight") for name in tensors)
        convs = (pack_conv(tensors[f"convs.{n}.conv.weight"], tensors[f"convs.{n}.conv.bias"]) for n in range(count))
        return cls(tuple(convs))


def convstream(image: np.ndarray, parameters: ConvStreamParameters) -> list[np.ndarray]:
    """Compute the detail maps of an image, each zero-padded by one pixel: the halo that the fusion's convolution reads.

    Parameters
    ----------
    image : float32 array (H, W, 4)
    parameters : ConvStreamParameters

    Returns
    -------
    list of float32 arrays
        The sizes of ViTMatte-S: D0, the image itself (H + 2, W + 2, 4), then D1 (H / 2 + 2, W / 2 + 2, 48), D2
        (H / 4 + 2, W / 4 + 2, 96) and D3 (H / 8 + 2, W / 8 + 2, 192).
    """
    height, width = image.shape[:2]
    maps = [zero_padded_copy(image, Rectangle(0, 0, height, width).expanded(1))]
    for matrix in parameters.convs:
        height, width = (height + 1) // 2, (width + 1) // 2
        maps.append(_whole_map(maps[-1], matrix, height, width))
    return [piece.values for piece in maps]


def _whole_map(source: Piece, matrix: PackedMatrix, height: int, width: int) -> Piece:
    out = zero_padded_piece(Rectangle(0, 0, height, width).expanded(1), matrix.columns, (height, width))

    def rows(first: int, last: int) -> None:
        detail_rectangle(source, matrix, Rectangle(first, 0, last, width), out)

    for_each_block(rows, height, rows_per_block(4 * width * matrix.columns))
    return out


def detail_rectangle(source: Piece, matrix: PackedMatrix, rectangle: Rectangle, out: Piece) -> None:
    """Compute a rectangle of one detail map from the map before it, which has twice its size.

    Parameters
    ----------
    source : Piece
        At least ``input_region_of_conv(rectangle, 2)``, zeros outside the map.
    matrix : PackedMatrix
        One of ``ConvStreamParameters.convs``.
    rectangle : Rectangle
        The part of the result to compute.
    out : Piece
        The result; the rectangle is filled.
    """
    conv_relu(source, matrix, 2, rectangle, out)
