"""What real things are covered with, (size, size, 3) float32 in 0..1: calm crops, busy ones, paint, prints."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image

from .canvas import smooth_noise
from .colours import photo_crop, plain_colour, square, streaks
from .material import Material

CROPS_TO_CHOOSE_FROM = 4
MOTIF_SIDE = 64


def surface(rng: np.random.Generator, size: int, material: Material) -> np.ndarray:
    """One of the kinds below."""
    kinds = (calm_crop, busy_crop, paint, printed, striped)
    return kinds[rng.choice(len(kinds), p=[0.36, 0.16, 0.24, 0.18, 0.06])](rng, size, material)


def calm_crop(rng: np.random.Generator, size: int, material: Material) -> np.ndarray:
    """Of a few large crops the smoothest: most of what a photograph shows is smooth, a random small crop is not."""
    crops = [photo_crop(rng, size // 4, material, (0.3, 0.95)) for _ in range(CROPS_TO_CHOOSE_FROM)]
    chosen = min(crops, key=lambda crop: float(np.abs(np.diff(crop, axis=0)).mean()))
    enlarged = Image.fromarray(np.rint(chosen * 255).astype(np.uint8)).resize((size, size), Image.Resampling.BICUBIC)
    grain = rng.uniform(0, 0.02) * smooth_noise(rng, size, rng.uniform(1, 3))
    return np.clip(np.asarray(enlarged, np.float32) / 255 + grain[..., None], 0, 1)


def busy_crop(rng: np.random.Generator, size: int, material: Material) -> np.ndarray:
    """Nearly all of a photo, scaled down: sharp, with colours of its own."""
    return photo_crop(rng, size, material, (0.5, 1.0))


def paint(rng: np.random.Generator, size: int, material: Material) -> np.ndarray:
    """One colour: half of the time a photo's, which are duller than random ones."""
    if rng.random() < 0.5:
        return plain_colour(rng, size)
    picked = square(rng, 8, material.photos[rng.integers(len(material.photos))], (0.05, 0.3)).reshape(-1, 3)
    light = 1 + rng.uniform(0, 0.12) * smooth_noise(rng, size, rng.uniform(20, 120))[..., None]
    return np.clip(picked[rng.integers(len(picked))] * light, 0, 1).astype(np.float32)


def striped(rng: np.random.Generator, size: int, material: Material) -> np.ndarray:
    """Streaks of two colours: wood, brushed metal, combed fabric."""
    return streaks(rng, size)


def printed(rng: np.random.Generator, size: int, material: Material) -> np.ndarray:
    """Two or three colours in a pattern: bands, checks, dots, or a motif cut from a mask (a label, a letter)."""
    v, u = turned_grid(rng, size, rng.uniform(12, 130))
    patterns: tuple[Callable[[], np.ndarray], ...] = (
        lambda: (u % 1 < rng.uniform(0.2, 0.7)) + 1 * (u % 3 < 1),
        lambda: (u % 1 < 0.5) + 1 * (v % 1 < 0.5),
        lambda: 1 * (np.hypot(u % 1 - 0.5, v % 1 - 0.5) < rng.uniform(0.15, 0.4)),
        lambda: motif(rng, u, v, material),
    )
    ink = patterns[rng.integers(len(patterns))]()
    inks = rng.uniform(0, 1, (3, 3)).astype(np.float32)
    inks[1] = inks[0] + (inks[1] - inks[0]) * rng.uniform(0.3, 1)
    light = 1 + rng.uniform(0, 0.15) * smooth_noise(rng, size, rng.uniform(20, 100))[..., None]
    return np.clip(inks[ink] * light, 0, 1).astype(np.float32)


def turned_grid(rng: np.random.Generator, size: int, cell: float) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns in cells of `cell` pixels, turned by a random angle and bent a little, always above 0."""
    y, x = np.mgrid[:size, :size].astype(np.float32)
    turn, bend = rng.uniform(0, np.pi), rng.uniform(0, 0.15) * cell
    y, x = y + bend * smooth_noise(rng, size, 50), x + bend * smooth_noise(rng, size, 50)
    rows, columns = np.sin(turn) * x + np.cos(turn) * y, np.cos(turn) * x - np.sin(turn) * y
    return rows / cell + 100, columns / cell + 100


def motif(rng: np.random.Generator, u: np.ndarray, v: np.ndarray, material: Material) -> np.ndarray:
    """A mask repeated in every cell; a disc where the material has none."""
    if not material.masks:
        return 1 * (np.hypot(u % 1 - 0.5, v % 1 - 0.5) < 0.3)
    mask = Image.fromarray(material.masks[rng.integers(len(material.masks))]).resize((MOTIF_SIDE, MOTIF_SIDE))
    at = ((v % 1) * MOTIF_SIDE).astype(int) % MOTIF_SIDE, ((u % 1) * MOTIF_SIDE).astype(int) % MOTIF_SIDE
    return 1 * (np.asarray(mask)[at] > 128)
