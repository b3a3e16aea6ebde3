"""The residual convolution neck after each global block (ViTMatte, section 3.3; ViTDet, section 3).

Attention mixes all tokens but has no notion of "next to". A bottleneck of convolutions, 1x1, 3x3, 1x1 at half the
channels, passes each token's neighbourhood on, and its output is added to the tokens.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from numpy_vitmatte.kernels.activations import gelu_, normalise_rows
from numpy_vitmatte.kernels.conv import conv_rows, pack_conv
from numpy_vitmatte.kernels.matmul import PackedMatrix, linear
from numpy_vitmatte.kernels.parallel import for_each_block

EPSILON = 1e-6
"""Of the neck's layer norms: a constant in VitDet, not read from the configuration."""


class NeckParameters(NamedTuple):
    """Three packed convolutions (C -> C/2 -> C/2 -> C) and the scale and shift of the layer norm after each."""

    convs: tuple[PackedMatrix, ...]
    norms: tuple[tuple[np.ndarray, np.ndarray], ...]

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, np.ndarray]) -> "NeckParameters":
        """Take ``conv1 .. conv3`` (no bias) and ``norm1 .. norm3`` of a checkpoint's residual block."""
        convs = tuple(pack_conv(tensors[f"conv{n}.weight"]) for n in (1, 2, 3))
        norms = tuple((tensors[f"norm{n}.weight"].copy(), tensors[f"norm{n}.bias"].copy()) for n in (1, 2, 3))
        return cls(convs, norms)


def residual_neck(
    tokens: np.ndarray, parameters: NeckParameters, out: np.ndarray | None = None, wanted: np.ndarray | None = None
) -> np.ndarray:
    """``x + norm3(conv3(gelu(norm2(conv2(gelu(norm1(conv1(x))))))))``.

    Parameters
    ----------
    tokens : float32 array (h, w, C)
    parameters : NeckParameters
    out : float32 array (h, w, C), optional
        Where the result goes; it may be ``tokens`` itself.
    wanted : bool array (h,), optional
        The rows whose result is of use; the others keep what ``out`` held. Default: all.

    Returns
    -------
    float32 array (h, w, C)
    """
    height, width, channels = tokens.shape
    conv1, conv2, conv3 = parameters.convs
    norm1, norm2, norm3 = parameters.norms
    out = np.empty_like(tokens) if out is None else out
    padded = np.zeros((height + 2, width + 2, conv1.columns), np.float32)
    wanted = np.ones(height, bool) if wanted is None else wanted
    around = np.convolve(wanted, [1, 1, 1], "same") > 0  # a window of the 3x3 convolution reads one row more

    def reduce(y: int, _: int) -> None:
        if around[y]:
            narrow = normalise_rows(linear(tokens[y], conv1), *norm1, EPSILON)  # [w, C] -> [w, C / 2]
            padded[y + 1, 1:-1] = gelu_(narrow)

    def mix_and_restore(y: int, _: int) -> None:
        if wanted[y]:
            mixed = gelu_(normalise_rows(conv_rows(padded, conv2, y, y + 1), *norm2, EPSILON))  # [1, w, C / 2]
            wide = normalise_rows(linear(mixed, conv3), *norm3, EPSILON)  # [1, w, C / 2] -> [1, w, C]
            np.add(tokens[y], wide[0], out=out[y])

    for_each_block(reduce, height)
    for_each_block(mix_and_restore, height)
    return out
