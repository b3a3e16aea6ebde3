"""Patch embedding: an image becomes a grid of tokens (ViT, Dosovitskiy et al. 2021, eq. 1)."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from numpy_vitmatte.kernels.conv import conv_rows, pack_conv
from numpy_vitmatte.kernels.matmul import PackedMatrix
from numpy_vitmatte.runtime.threads import for_each_block


class PatchEmbedParameters(NamedTuple):
    """The projection (patch * patch * 4 -> C), packed, and the side of a patch in pixels."""

    projection: PackedMatrix
    patch_size: int

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, np.ndarray]) -> "PatchEmbedParameters":
        """Take ``projection.weight`` (C, 4, patch, patch) and ``projection.bias`` (C,)."""
        weight = tensors["projection.weight"]
        return cls(pack_conv(weight, tensors["projection.bias"]), weight.shape[-1])


def patch_embed(
    image: np.ndarray,
    parameters: PatchEmbedParameters,
    positions: Callable[[int, int], np.ndarray] | None = None,
) -> np.ndarray:
    """Project every patch to a token: a convolution whose stride is its size, so patches do not overlap.

    Parameters
    ----------
    image : float32 array (H, W, 4)
        Normalized RGB and trimap / 255; H and W are multiples of the patch size.
    parameters : PatchEmbedParameters
    positions : callable, optional
        ``positions(first, last)``, an array (last - first, W / patch, C), is added to these rows of tokens.

    Returns
    -------
    float32 array (H / patch, W / patch, C)
    """
    patch = parameters.patch_size
    height, width = image.shape[0] // patch, image.shape[1] // patch
    tokens = np.empty((height, width, parameters.projection.columns), np.float32)

    def embed_rows(first: int, last: int) -> None:
        projected = conv_rows(image, parameters.projection, first, last, size=patch, stride=patch)
        tokens[first:last] = projected if positions is None else projected + positions(first, last)

    for_each_block(embed_rows, height, 4)
    return tokens
