"""The check during training: the averaged weights on a few held-back samples and scenes of each kind, fixed seeds."""

from __future__ import annotations

import numpy as np

from numpy_vitmatte import VitMatteForImageMatting
from numpy_vitmatte.matting.metrics import alpha_errors

from .compose import Sample, make_sample
from .data import as_batch
from .material import Material
from .scenes import SCENES, make_scene

SEED = 990_001
SCENES_PER_KIND = 4


class QuickCheck:
    """`count` samples of `size` pixels made once, and scenes beside; call with a network."""

    def __init__(self, held_back: Material, count: int = 32, size: int = 256) -> None:
        self.samples = [make_sample([SEED, i], size, held_back) for i in range(count)]
        self.scenes = [
            make_scene([SEED, *kind.encode(), i], size, held_back, kind)
            for kind in SCENES
            for i in range(SCENES_PER_KIND)
        ]

    def __call__(self, model: VitMatteForImageMatting) -> dict[str, float]:
        """Mean SAD (thousands) and MSE over the unknown; MSE and mean error of alpha (bias) in the scenes."""
        sad, mse, _ = np.mean([errors(model, sample) for sample in self.samples], 0).tolist()
        _, scenes_mse, bias = np.mean([errors(model, scene) for scene in self.scenes], 0).tolist()
        return {"val_sad": sad, "val_mse": mse, "scenes_mse": scenes_mse, "scenes_bias": bias}


def errors(model: VitMatteForImageMatting, sample: Sample) -> tuple[float, float, float]:
    """SAD, MSE and bias of a sample's alpha, over the unknown."""
    alpha = model(as_batch([sample]).pixels).alphas[0, 0]
    truth, unknown = sample.alpha / 255.0, sample.trimap == 128
    found = alpha_errors(alpha, truth, unknown)
    bias = float((alpha - truth)[unknown].mean())
    return found.sad, found.mse / 1000, bias  # the package counts MSE in thousandths
