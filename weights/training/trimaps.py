"""Trimaps, (H, W) uint8: 0 background, 128 unknown, 255 foreground. Unknown covers every fractional alpha."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from .canvas import smooth_noise

BACKGROUND, UNKNOWN, FOREGROUND = 0, 128, 255


def from_radii(alpha: np.ndarray, inside: np.ndarray | float, outside: np.ndarray | float) -> np.ndarray:
    """Known foreground lies `inside` pixels or deeper within alpha = 1, known background `outside` within alpha = 0.

    A radius may be a map (H, W). At 0 the unknown is exactly where alpha is fractional.
    """
    trimap = np.full(alpha.shape, UNKNOWN, np.uint8)
    trimap[depth(alpha >= 1) > inside] = FOREGROUND
    trimap[depth(alpha <= 0) > outside] = BACKGROUND
    return trimap


def depth(mask: np.ndarray) -> np.ndarray:
    """Distance of every pixel of `mask` to the nearest pixel outside it; nothing outside the frame counts."""
    return ndimage.distance_transform_edt(mask) if not mask.all() else np.full(mask.shape, np.inf)


def authors(rng: np.random.Generator, alpha: np.ndarray) -> np.ndarray:
    """As ViTMatte was trained: foreground and background shrunk independently by 1 to 30 pixels."""
    return from_radii(alpha, rng.uniform(1, 30), rng.uniform(1, 30))


def careful(rng: np.random.Generator, alpha: np.ndarray) -> np.ndarray:
    """A retoucher's narrow band."""
    return from_radii(alpha, rng.uniform(0, 8), rng.uniform(0, 8))


def sloppy(rng: np.random.Generator, alpha: np.ndarray) -> np.ndarray:
    """A wide band whose width wanders, 2 to 90 pixels, so that much of the unknown is solid."""
    size = max(alpha.shape)
    wander = np.clip(1 + 0.6 * smooth_noise(rng, size, 48)[: alpha.shape[0], : alpha.shape[1]], 0.2, 2.5)
    return from_radii(alpha, rng.uniform(2, 60) * wander, rng.uniform(2, 60) * wander)


def painted(rng: np.random.Generator, alpha: np.ndarray) -> np.ndarray:
    """Any band, with big smooth patches painted unknown wherever they fall."""
    trimap = authors(rng, alpha)
    size = max(alpha.shape)
    patches = smooth_noise(rng, size, rng.uniform(40, 100))[: alpha.shape[0], : alpha.shape[1]]
    trimap[patches > rng.uniform(0.2, 1.3)] = UNKNOWN
    return trimap


def random_trimap(rng: np.random.Generator, alpha: np.ndarray) -> np.ndarray:
    """One of the kinds above."""
    kinds = (authors, careful, sloppy, painted)
    return kinds[rng.choice(len(kinds), p=[0.35, 0.15, 0.3, 0.2])](rng, alpha)
