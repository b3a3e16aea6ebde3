"""The residual convolution neck after each global block (ViTMatte, section 3.3; ViTDet, section 3).

Attention mixes all tokens, and knows "next to" only through the relative positions. A bottleneck of convolutions (1x1,
3x3, 1x1 at half the channels) passes on each token's neighborhood, and its output is added to the tokens.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from numpy_vitmatte.kernels.conv import pack_conv, rows_per_block
from numpy_vitmatte.kernels.conv3x3 import convolve_rows
from numpy_vitmatte.kernels.elementwise import gelu_, normalize_rows
from numpy_vitmatte.kernels.matmul import PackedMatrix, linear
from numpy_vitmatte.kernels.winograd import PackedConv3x3, pack_conv3x3
from numpy_vitmatte.runtime.threads import even_block, for_each_block

EPSILON = 1e-6
"""Epsilon of the neck's layer norms: a constant in VitDet, not read from the configuration."""


class NeckParameters(NamedTuple):
    """Three packed convolutions (C -> C/2 -> C/2 -> C) and the scale and shift of the layer norm after each."""

    convs: tuple[PackedMatrix, PackedConv3x3, PackedMatrix]
    norms: tuple[tuple[np.ndarray, np.ndarray], ...]

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, np.ndarray]) -> "NeckParameters":
        """Take ``conv1 .. conv3`` (no bias) and ``norm1 .. norm3`` of a checkpoint's residual block."""
        conv1, conv2, conv3 = (tensors[f"conv{n}.weight"] for n in (1, 2, 3))
        norms = tuple((tensors[f"norm{n}.weight"].copy(), tensors[f"norm{n}.bias"].copy()) for n in (1, 2, 3))
        return cls((pack_conv(conv1), pack_conv3x3(conv2), pack_conv(conv3)), norms)


def residual_neck(
    tokens: np.ndarray, parameters: NeckParameters, out: np.ndarray | None = None, wanted: np.ndarray | None = None
) -> np.ndarray:
    """Compute ``x + norm3(conv3(gelu(norm2(conv2(gelu(norm1(conv1(x))))))))``.

    Parameters
    ----------
    tokens : float32 array (h, w, C)
    parameters : NeckParameters
    out : float32 array (h, w, C), optional
        Array for the result; it may be ``tokens`` itself.
    wanted : bool array (h,), optional
        The rows whose result is needed; the others keep what ``out`` held. Default: all.

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
    runs = _runs(wanted)
    read = _runs(np.convolve(wanted, [True] * 3)[1:-1])  # the 3x3 convolution reads one row more on each side

    def reduce(first: int, last: int) -> None:
        for one in _within(read, first, last):
            narrow = normalize_rows(linear(tokens[one], conv1), *norm1, EPSILON)  # [., w, C] -> [., w, C / 2]
            padded[1:-1, 1:-1][one] = gelu_(narrow)

    def mix_and_restore(first: int, last: int) -> None:
        for one in _within(runs, first, last):
            mixed = convolve_rows(padded, conv2, one.start, one.stop)  # [., w, C / 2]
            mixed = gelu_(normalize_rows(mixed, *norm2, EPSILON))
            wide = normalize_rows(linear(mixed, conv3), *norm3, EPSILON)  # [., w, C / 2] -> [., w, C]
            np.add(tokens[one], wide, out=out[one])

    block = even_block(height, max(rows_per_block(4 * width * channels), 2), 2)
    for_each_block(reduce, height, block)
    for_each_block(mix_and_restore, height, block)
    return out


def _runs(rows: np.ndarray) -> list[tuple[int, int]]:
    """Return where the runs of marked rows begin and end."""
    edges = np.flatnonzero(np.diff(rows, prepend=False, append=False))
    return [(begin, end) for begin, end in edges.reshape(-1, 2).tolist()]


def _within(runs: list[tuple[int, int]], first: int, last: int) -> list[slice]:
    """Return the parts of runs that lie in rows ``first .. last - 1``."""
    return [slice(max(begin, first), min(end, last)) for begin, end in runs if begin < last and end > first]
