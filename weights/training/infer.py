"""One photo through a trained folder: (H, W, 3) uint8 and (H, W) uint8 trimap -> (H, W) float alpha."""

from __future__ import annotations

import numpy as np

from numpy_vitmatte import VitMatteForImageMatting, VitMatteImageProcessor
from numpy_vitmatte.matting.upscale import average_by_area, larger_photo, larger_size
from numpy_vitmatte.trimaps.scaling import scale_conservatively

PROCESSOR = VitMatteImageProcessor()


def predict(model: VitMatteForImageMatting, image: np.ndarray, trimap: np.ndarray) -> np.ndarray:
    """Alpha (H, W) in 0..1; known pixels are what the trimap says."""
    height, width = trimap.shape
    alpha = model(PROCESSOR(image, trimap, return_tensors="np").pixel_values).alphas[0, 0, :height, :width]
    return np.where(trimap == 128, alpha, trimap / 255.0)


def predict_upscaled(
    model: VitMatteForImageMatting, upscale: float, image: np.ndarray, trimap: np.ndarray
) -> np.ndarray:
    """The same of the photo enlarged, averaged back, as `numpy_vitmatte.matte(..., upscale=...)` does it."""
    size = larger_size(*trimap.shape, upscale)
    alpha = predict(model, larger_photo(image, *size), scale_conservatively(trimap, *size))
    return average_by_area(alpha.astype(np.float32), *trimap.shape)
