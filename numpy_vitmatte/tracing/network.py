"""Every layer's output of one image, under the name and in the layout of transformers' module.

The pass is ``reference.vitmatte``: slower than the one that computes alphas, which runs several layers at once in bands
and so never holds most of these arrays, but each result stands alone. It records the names of a trace already; here its
arrays (height, width, channels) get the layout that the module of that name returns (``docs/trace.md``).
"""

import re
from collections.abc import Mapping

import numpy as np

from numpy_vitmatte import reference
from numpy_vitmatte.configuration import VitMatteConfig
from numpy_vitmatte.network.parameters import NetworkParameters
from numpy_vitmatte.tracing.rounded_network import RoundedNetwork

CHANNELS_LAST = re.compile(r"\.layer\.\d+\.(norm1|norm2|mlp)|\.attention")
"""Modules on tokens: (B, h, w, C), or (B * windows, s, s, C). All others return (B, C, h, w)."""

FINE = re.compile(r"\.(projection|qkv|probabilities|fc1|conv|batch_norm)$|\.residual\.|\.matting_convs\.")
"""Steps inside a layer."""


def in_layout(name: str, value: np.ndarray) -> np.ndarray:
    """Give an array that ``reference.vitmatte`` recorded the layout that transformers' module of that name returns."""
    if CHANNELS_LAST.search(name):
        return value if value.ndim == 4 else value[None]  # windows are a batch already
    return np.atleast_3d(value).transpose(2, 0, 1)[None]  # [h, w, C] -> [1, C, h, w]; [H, W] -> [1, 1, H, W]


def trace_image(
    image: np.ndarray,
    tensors: Mapping[str, np.ndarray],
    config: VitMatteConfig,
    fine: bool,
    packed: NetworkParameters | None = None,
) -> dict[str, np.ndarray]:
    """Compute every layer's output for one image.

    Parameters
    ----------
    image : float32 array (H, W, 4)
        Normalized RGB and trimap / 255; H and W are multiples of the patch size.
    tensors : mapping of str to float32 array
        A checkpoint's tensors under their own names.
    config : VitMatteConfig
    fine : bool
        Also return the projections, convolutions and norms inside the layers, and the attention probabilities.
    packed : NetworkParameters, optional
        The same weights packed for a precision: factors of products are rounded as it rounds them. By default none are.

    Returns
    -------
    dict of str to float32 array
        In the order of computation, from ``pixel_values`` to ``alphas``.
    """
    layers = {}

    def keep(name: str, value: np.ndarray) -> np.ndarray:
        if fine or not FINE.search(name):
            layers[name] = np.ascontiguousarray(in_layout(name, value))
        return value

    if packed is None:
        reference.vitmatte(image, tensors, config, keep)
    else:
        rounded = RoundedNetwork(tensors, packed, config.batch_norm_eps)
        reference.vitmatte(image, rounded.tensors, config, rounded.recording(keep))
    return layers
