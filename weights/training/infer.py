"""One photo through a trained folder, in torch: (H, W, 3) uint8 and (H, W) uint8 trimap -> (H, W) float alpha."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F
from transformers import VitMatteForImageMatting

from numpy_vitmatte.matting.upscale import average_by_area, larger_photo, larger_size
from numpy_vitmatte.trimaps.scaling import scale_conservatively


def load(folder: str | Path) -> VitMatteForImageMatting:
    """The exported network in float32, ready to run; every weight must be there, and none too many."""
    model, report = VitMatteForImageMatting.from_pretrained(folder, dtype=torch.float32, output_loading_info=True)
    wrong = {name: keys for name, keys in report.items() if keys}
    if wrong:
        raise ValueError(f"{folder} does not fit the network: {wrong}")
    return model.eval()


@torch.no_grad()
def predict(model: VitMatteForImageMatting, image: np.ndarray, trimap: np.ndarray) -> np.ndarray:
    """Alpha (H, W) in 0..1; known pixels are what the trimap says. Pads to 32 with zeros, as the processor does."""
    height, width = trimap.shape
    rgb = torch.from_numpy(np.array(image)).permute(2, 0, 1).float() / 127.5 - 1
    known = torch.from_numpy(np.array(trimap))[None].float() / 255
    pixels = F.pad(torch.cat([rgb, known])[None], (0, -width % 32, 0, -height % 32))
    alpha = model(pixel_values=pixels).alphas[0, 0, :height, :width].numpy()
    return np.where(trimap == 128, alpha, trimap / 255.0)


def predict_upscaled(
    model: VitMatteForImageMatting, upscale: float, image: np.ndarray, trimap: np.ndarray
) -> np.ndarray:
    """The same of the photo enlarged, averaged back, as `numpy_vitmatte.matte(..., upscale=...)` does it."""
    size = larger_size(*trimap.shape, upscale)
    alpha = predict(model, larger_photo(image, *size), scale_conservatively(trimap, *size))
    return average_by_area(alpha.astype(np.float32), *trimap.shape)
