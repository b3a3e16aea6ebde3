"""The matting head: fused features to alpha (ViTMatte, section 3.4)."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from numpy_vitmatte.kernels.conv import rows_per_block
from numpy_vitmatte.kernels.fused.alpha_tile import head_of_rectangle
from numpy_vitmatte.kernels.regions import Rectangle, zero_padded_copy
from numpy_vitmatte.kernels.winograd import PackedConv3x3, pack_conv3x3
from numpy_vitmatte.runtime.threads import for_each_block


class HeadParameters(NamedTuple):
    """The packed 3x3 convolution (C -> 16), batch norm folded in, and the 1x1 convolution: weight (16,) and bias."""

    conv: PackedConv3x3
    weight: np.ndarray
    bias: float

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, np.ndarray]) -> "HeadParameters":
        """Take ``matting_convs.0`` and ``matting_convs.3`` of a checkpoint's head after ``fold_batch_norms``."""
        conv = pack_conv3x3(tensors["matting_convs.0.weight"], tensors["matting_convs.0.bias"])
        return cls(conv, tensors["matting_convs.3.weight"].flatten(), float(tensors["matting_convs.3.bias"][0]))


def matting_head(features: np.ndarray, parameters: HeadParameters) -> np.ndarray:
    """Compute ``sigmoid(conv1x1(relu(conv3x3(features))))``.

    Parameters
    ----------
    features : float32 array (H, W, C)
    parameters : HeadParameters

    Returns
    -------
    float32 array (H, W)
        Alpha in [0, 1].
    """
    height, width, _ = features.shape
    padded = zero_padded_copy(features, Rectangle(0, 0, height, width).expanded(1))
    alpha = np.empty((height, width), np.float32)

    def rows(first: int, last: int) -> None:
        # [., ., C] -> [., ., 16] -> [., .]
        head_of_rectangle(padded, parameters, Rectangle(first, 0, last, width), alpha)

    for_each_block(rows, height, rows_per_block(4 * width * parameters.conv.columns))
    return alpha
