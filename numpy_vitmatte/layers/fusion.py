"""A fusion block: double the features, join the detail map of that size, convolve (ViTMatte, section 3.4)."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from numpy_vitmatte.kernels.activations import relu_
from numpy_vitmatte.kernels.conv import conv_rows, pack_conv, rows_per_block
from numpy_vitmatte.kernels.matmul import PackedMatrix, linear, pack
from numpy_vitmatte.kernels.parallel import for_each_block
from numpy_vitmatte.kernels.resize import add_upsampled_rows


class FusionParameters(NamedTuple):
    """The 3x3 convolution of a fusion block, batch norm folded in, in its two halves.

    Attributes
    ----------
    detail : PackedMatrix
        (9 * C_detail, C_out) with the bias: applied to the detail map at full resolution.
    upsampled : PackedMatrix
        (C_in, 9 * C_out): the nine taps side by side, applied to the features *before* they are doubled.
    """

    detail: PackedMatrix
    upsampled: PackedMatrix

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, np.ndarray], features: int) -> "FusionParameters":
        """Take ``conv.conv`` of a fusion block after ``fold_batch_norms``; the last ``features`` inputs are doubled."""
        weight = tensors["conv.conv.weight"]  # [C_out, C_detail + C_in, 3, 3]: the detail map comes first
        detail, upsampled = weight[:, :-features], weight[:, -features:]
        taps = upsampled.transpose(1, 2, 3, 0).reshape(features, -1)  # [C_out, C_in, 3, 3] -> [C_in, 9 * C_out]
        return cls(pack_conv(detail, tensors["conv.conv.bias"]), pack(taps))


def fusion_block(features: np.ndarray, detail: np.ndarray, parameters: FusionParameters) -> np.ndarray:
    """``relu(conv3x3(concat(detail, upsample2(features))) + bias)``.

    The upsampled half is computed at low resolution (see ``kernels/resize.py``): the same sum, a quarter of the work.

    Parameters
    ----------
    features : float32 array (h, w, C_in)
    detail : float32 array (2 h + 2, 2 w + 2, C_detail)
        Framed by one zero pixel.
    parameters : FusionParameters

    Returns
    -------
    float32 array (2 h, 2 w, C_out)
    """
    height, width, _ = features.shape
    channels = parameters.detail.columns
    out = np.empty((2 * height, 2 * width, channels), np.float32)

    def fuse_rows(first: int, last: int) -> None:
        rows = conv_rows(detail, parameters.detail, 2 * first, 2 * last)
        above, below = max(first - 1, 0), min(last + 1, height)
        products = linear(features[above:below], parameters.upsampled)  # [., w, C_in] -> [., w, 9 * C_out]
        taps = products.reshape(below - above, width, 3, 3, channels)
        add_upsampled_rows(taps, above, height, 2 * first, rows)
        out[2 * first : 2 * last] = relu_(rows)

    for_each_block(fuse_rows, height, rows_per_block(4 * width * 9 * channels, target_bytes=1 << 20))
    return out
