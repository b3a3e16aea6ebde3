"""Our losses on predicted and true alpha (B, 1, H, W) in 0..1, with the trimap (B, 1, H, W) uint8.

They are made after the paper's, and differ from the authors' code: in the weights, in slopes by differences over the
whole picture, and in a pyramid of four levels on the merged alpha. ``numpy_vitmatte.training.losses`` has both,
``authors_loss`` and ``recipe_loss``.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

WEIGHTS = {"unknown": 1.0, "known": 0.25, "laplacian": 0.5, "gradient": 0.5}


def unknown_and_known(predicted: Tensor, alpha: Tensor, trimap: Tensor) -> tuple[Tensor, Tensor]:
    """Mean absolute error where the trimap is 128, and where it is not."""
    unknown = (trimap == 128).to(predicted.dtype)
    error = (predicted - alpha).abs()
    return (error * unknown).sum() / (unknown.sum() + 1), (error * (1 - unknown)).sum() / ((1 - unknown).sum() + 1)


def pyramid(alpha: Tensor, levels: int = 4) -> list[Tensor]:
    """Laplacian pyramid: `levels` differences to the blurred half size, then what is left."""
    taps = torch.tensor([1.0, 4.0, 6.0, 4.0, 1.0], device=alpha.device, dtype=alpha.dtype) / 16
    kernel = (taps[:, None] * taps)[None, None]
    bands = []
    for _ in range(levels):
        half = F.conv2d(F.pad(alpha, (2, 2, 2, 2), mode="reflect"), kernel, stride=2)
        bands.append(alpha - F.interpolate(half, size=alpha.shape[-2:], mode="bilinear", align_corners=False))
        alpha = half
    return [*bands, alpha]


def laplacian(predicted: Tensor, alpha: Tensor) -> Tensor:
    """Absolute differences of the pyramids' bands, each weighted 2^level."""
    bands = zip(pyramid(predicted), pyramid(alpha), strict=True)
    return sum((2**level * (a - b).abs().mean() for level, (a, b) in enumerate(bands)), start=predicted.new_zeros(()))


def gradient(predicted: Tensor, alpha: Tensor) -> Tensor:
    """Difference of the slopes, plus a slight price (0.01, as the authors') on slope beyond the true one."""
    loss = predicted.new_zeros(())
    for axis in (-1, -2):
        slope, goal = predicted.diff(dim=axis), alpha.diff(dim=axis)
        loss = loss + (slope - goal).abs().mean() + 0.01 * (slope.abs() - goal.abs()).clamp(min=0).mean()
    return loss


def total(predicted: Tensor, alpha: Tensor, trimap: Tensor) -> tuple[Tensor, dict[str, float]]:
    """The weighted sum and its parts. Laplacian and gradient see the true alpha where the trimap is known."""
    unknown, known = unknown_and_known(predicted, alpha, trimap)
    merged = torch.where(trimap == 128, predicted, alpha)
    parts = {
        "unknown": unknown,
        "known": known,
        "laplacian": laplacian(merged, alpha),
        "gradient": gradient(merged, alpha),
    }
    loss = sum((WEIGHTS[name] * part for name, part in parts.items()), start=predicted.new_zeros(()))
    return loss, {name: float(part.detach()) for name, part in parts.items()}
