"""Gradients of patches and positions."""

from collections.abc import Mapping

import numpy as np

from numpy_vitmatte.gradients.linear import Tensors, linear_weight_backward
from numpy_vitmatte.reference_backward import absolute_positions_backward


def embeddings_backward(dy: np.ndarray, images: np.ndarray, w: Mapping[str, np.ndarray]) -> Tensors:
    """Go back from tokens to the tensors that made them.

    Parameters
    ----------
    dy : float32 array (B, h, w, C)
    images : float32 array (B, H, W, 4)
    w : mapping of str to float32 array
        Tensors under ``backbone.embeddings.``.
    """
    count, height, width, channels = dy.shape
    _, inputs, patch, _ = w["projection.weight"].shape
    cut = images.reshape(count, height, patch, width, patch, inputs).transpose(0, 1, 3, 5, 2, 4)
    patches = cut.reshape(count * height * width, -1)  # [B, H, W, 4] -> [B h w, 4 * patch * patch]
    found = linear_weight_backward(dy.reshape(-1, channels), patches, "projection.bias" in w)
    dw = {f"projection.{name}": value for name, value in found.items()}
    dw["projection.weight"] = dw["projection.weight"].reshape(w["projection.weight"].shape)
    if "position_embeddings" in w:
        table = w["position_embeddings"]
        dw["position_embeddings"] = absolute_positions_backward(dy.sum(axis=0), table, height, width)
    return dw
