"""The bundled photo at a size that the page can hold, and what the bundled network makes of it."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from numpy_vitmatte import VitMatteForImageMatting, VitMatteImageProcessor
from numpy_vitmatte.matting.downscale import smaller_photo
from numpy_vitmatte.teaching import demo_photo
from numpy_vitmatte.trimaps.scaling import downscale_by_blocks

MODEL = "vitmatte-tiny"
SIDE = 384
"""Pixels: 24 x 24 tokens, which windows of 8 x 8 divide."""


class Scene(NamedTuple):
    """The network's input and output.

    Attributes
    ----------
    model : VitMatteForImageMatting
    photo : uint8 array (H, W, 3)
    trimap : uint8 array (H, W)
    pixel_values : float32 array (1, 4, H, W)
    alpha : float32 array (H, W)
        As the network gives it, known pixels included.
    attentions : tuple of float32 arrays (windows, heads, N, N)
        One per block; a global block has one window.
    """

    model: VitMatteForImageMatting
    photo: NDArray[np.uint8]
    trimap: NDArray[np.uint8]
    pixel_values: NDArray[np.float32]
    alpha: NDArray[np.float32]
    attentions: tuple[NDArray[np.float32], ...]

    def by_token(self, pixels: NDArray) -> NDArray:
        """Cut (H, W) into the pixels of each token: (h, w, patch * patch)."""
        patch = self.model.config.backbone_config.patch_size
        rows, columns = (side // patch for side in pixels.shape)
        return pixels.reshape(rows, patch, columns, patch).swapaxes(1, 2).reshape(rows, columns, -1)


def look() -> Scene:
    """Run the bundled network on the bundled photo."""
    photo, trimap = demo_photo()
    photo, trimap = smaller_photo(photo, SIDE, SIDE), downscale_by_blocks(trimap, SIDE, SIDE)
    model = VitMatteForImageMatting.from_pretrained(MODEL)
    inputs = VitMatteImageProcessor.from_pretrained(MODEL)(images=photo, trimaps=trimap, return_tensors="np")
    output = model(**inputs, output_attentions=True)
    pixel_values = inputs["pixel_values"]
    return Scene(model, photo, trimap, pixel_values, output.alphas[0, 0], tuple(output.attentions))


def silenced(scene: Scene, block: int) -> float:
    """Measure how much the alpha of an unknown pixel changes, on average, if a block's attention adds nothing."""
    prefix = f"backbone.encoder.layer.{block}.attention.proj."
    tensors = {
        name: np.zeros_like(tensor) if name.startswith(prefix) else tensor
        for name, tensor in scene.model.tensors.items()
    }
    alpha = VitMatteForImageMatting(scene.model.config, tensors)(scene.pixel_values).alphas[0, 0]
    return float(np.abs(alpha - scene.alpha)[scene.trimap == 128].mean())
