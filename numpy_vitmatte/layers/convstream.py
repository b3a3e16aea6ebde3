"""The ConvStream: fine detail at 1/2, 1/4 and 1/8 of the picture's size (ViTMatte, section 3.4).

A patch of 16 x 16 pixels is one token, so hair is lost on the transformer. Small convolutions of stride 2 keep it.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from numpy_vitmatte.kernels.activations import relu_
from numpy_vitmatte.kernels.conv import conv_rows, pack_conv, pad, rows_per_block
from numpy_vitmatte.kernels.matmul import PackedMatrix
from numpy_vitmatte.kernels.parallel import for_each_block


class ConvStreamParameters(NamedTuple):
    """The packed 3x3 convolutions, batch norm folded in."""

    convs: tuple[PackedMatrix, ...]

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, np.ndarray]) -> "ConvStreamParameters":
        """Take ``convs.0 .. convs.n`` of a checkpoint's ConvStream after ``fold_batch_norms``."""
        count = sum(name.endswith("conv.weight") for name in tensors)
        convs = (pack_conv(tensors[f"convs.{n}.conv.weight"], tensors[f"convs.{n}.conv.bias"]) for n in range(count))
        return cls(tuple(convs))


def conv_relu(padded: np.ndarray, matrix: PackedMatrix, stride: int) -> np.ndarray:
    """``relu(conv3x3(x) + bias)``, framed: (H + 2, W + 2, C_in) -> (H / stride + 2, W / stride + 2, C_out)."""
    height, width = (padded.shape[0] - 3) // stride + 1, (padded.shape[1] - 3) // stride + 1
    out = np.zeros((height + 2, width + 2, matrix.columns), np.float32)

    def rows(first: int, last: int) -> None:
        out[first + 1 : last + 1, 1:-1] = relu_(conv_rows(padded, matrix, first, last, stride=stride))

    for_each_block(rows, height, rows_per_block(4 * width * matrix.columns))
    return out


def convstream(image: np.ndarray, parameters: ConvStreamParameters) -> list[np.ndarray]:
    """Detail maps of a picture, each framed by one zero pixel: the border that the fusion's convolution reads.

    Parameters
    ----------
    image : float32 array (H, W, 4)
    parameters : ConvStreamParameters

    Returns
    -------
    list of float32 arrays
        The picture itself (H + 2, W + 2, 4), then (H / 2 + 2, W / 2 + 2, 48), (H / 4 + 2, W / 4 + 2, 96),
        (H / 8 + 2, W / 8 + 2, 192) with ViTMatte's sizes.
    """
    maps = [pad(image)]
    for matrix in parameters.convs:
        maps.append(conv_relu(maps[-1], matrix, stride=2))
    return maps
