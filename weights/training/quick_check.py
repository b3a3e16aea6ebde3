"""The check during training: SAD and MSE of the averaged weights on a few held-back samples, a fixed seed."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from numpy_vitmatte.matting.metrics import alpha_errors

from .compose import make_sample
from .data import to_tensors
from .material import Material

SEED = 990_001


class QuickCheck:
    """`count` samples of `size` pixels made once; call with a network in evaluation mode."""

    def __init__(self, held_back: Material, count: int = 32, size: int = 256) -> None:
        self.samples = [make_sample([SEED, i], size, held_back) for i in range(count)]

    @torch.no_grad()
    def __call__(self, model: nn.Module) -> dict[str, float]:
        """Mean SAD (thousands) and MSE over the unknown."""
        device = next(model.parameters()).device
        scores = []
        for sample in self.samples:
            pixels, _, _ = to_tensors(sample)
            alpha = model(pixel_values=pixels[None].to(device)).alphas[0, 0].float().cpu().numpy()
            truth, unknown = sample.alpha / 255.0, sample.trimap == 128
            errors = alpha_errors(alpha, truth, unknown)
            scores.append((errors.sad, errors.mse / 1000))  # the package counts MSE in thousandths
        return dict(zip(("val_sad", "val_mse"), np.mean(scores, 0).tolist(), strict=True))
