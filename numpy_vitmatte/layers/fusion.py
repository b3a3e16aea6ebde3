"""A fusion block: double the features, join the detail map of that size, convolve (ViTMatte, section 3.4)."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from numpy_vitmatte.kernels.matmul import pack
from numpy_vitmatte.kernels.regions import Piece, Rectangle, whole
from numpy_vitmatte.kernels.upsample_conv import fuse
from numpy_vitmatte.kernels.winograd import PackedConv3x3, pack_conv3x3
from numpy_vitmatte.runtime.threads import for_each_block
from numpy_vitmatte.runtime.workspace import aligned_concatenate

ROWS_PER_BLOCK = 32
"""Rows of the result that a thread takes at a time. It multiplies half as many rows of the features, and two more."""


class FusionParameters(NamedTuple):
    """The 3x3 convolution of a fusion block, batch norm folded in, in its two halves.

    Attributes
    ----------
    detail : PackedConv3x3
        C_detail to C_out channels, with the bias: applied to the detail map at full resolution.
    upsampled : float32 array (3, .)
        For each row dy of the window a packed (C_in, 3 * C_out), its three columns side by side: applied to the
        features *before* they are doubled.
    """

    detail: PackedConv3x3
    upsampled: np.ndarray

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, np.ndarray], features: int) -> "FusionParameters":
        """Take ``conv.conv`` of a fusion block after ``fold_batch_norms``; the last ``features`` inputs are doubled."""
        weight = tensors["conv.conv.weight"]  # [C_out, C_detail + C_in, 3, 3]: the detail map comes first
        detail, upsampled = weight[:, :-features], weight[:, -features:]
        taps = upsampled.transpose(2, 1, 3, 0).reshape(3, features, -1)  # [C_out, C_in, 3, 3] -> [3, C_in, 3 * C_out]
        packed = aligned_concatenate([pack(row).panels for row in taps])
        return cls(pack_conv3x3(detail, tensors["conv.conv.bias"]), packed.reshape(len(taps), -1))


def fusion_block(features: np.ndarray, detail: np.ndarray, parameters: FusionParameters) -> np.ndarray:
    """Compute ``relu(conv3x3(concat(detail, upsample2(features))) + bias)``.

    The upsampled half is computed at low resolution (see ``kernels/upsample_conv.py``): the same sum for a quarter of
    the work.

    Parameters
    ----------
    features : float32 array (h, w, C_in)
    detail : float32 array (2 h + 2, 2 w + 2, C_detail)
        Zero-padded by one pixel.
    parameters : FusionParameters

    Returns
    -------
    float32 array (2 h, 2 w, C_out)
    """
    height, width, _ = features.shape
    out = np.empty((2 * height, 2 * width, parameters.detail.columns), np.float32)

    def fuse_rows(first: int, last: int) -> None:
        rows = Rectangle(first, 0, last, 2 * width)
        fuse_rectangle(whole(features), whole(detail, 1), parameters, (height, width), rows, whole(out))

    for_each_block(fuse_rows, 2 * height, ROWS_PER_BLOCK)
    return out


def fuse_rectangle(
    features: Piece,
    detail: Piece,
    parameters: FusionParameters,
    shape: tuple[int, int],
    rectangle: Rectangle,
    out: Piece,
    floor: float = 0.0,
) -> None:
    """Compute a rectangle of ``fusion_block``'s result from pieces of its inputs.

    Parameters
    ----------
    features : Piece
        The features, at least ``input_region_of_fusion(rectangle, *shape)``.
    detail : Piece
        The detail map, at least the rectangle and a halo of one pixel; zeros outside the map.
    parameters : FusionParameters
    shape : (int, int)
        Height and width of all the features.
    rectangle : Rectangle
        The part of the result to compute.
    out : Piece
        The result; the rectangle is filled.
    floor : float
        The least value of the result: minus infinity leaves out the ReLU.
    """
    fuse(detail, parameters.detail, features, parameters.upsampled, shape, rectangle, out, np.float32(floor))
