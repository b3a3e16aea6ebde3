"""Trimaps as people paint them: broad strokes over whatever is thin, foreground named only in cores.

Beside `trimaps.py`, whose bands follow the alpha, these follow a hand: drawn on a coarse grid, so that borders are
round, small gaps are closed, and what a person would find too fiddly stays unknown. They are right all the same:
known foreground is alpha 1, known background alpha 0.
"""

from __future__ import annotations

import numpy as np
from PIL import Image
from scipy import ndimage

from .canvas import smooth_noise
from .trimaps import BACKGROUND, FOREGROUND, UNKNOWN, depth, from_radii, random_trimap

GRID = 4  # pixels of the picture in one of the hand's
BRUSH = (3, 26)  # pixels between the object and known background
CORE = (2, 26)  # pixels that known foreground keeps from any doubt
LARGE_CORES = 4  # blobs of known foreground that are kept at most
DRAWN = 0.2  # of the trimaps follow the alpha as those of `trimaps` do


def hand_painted(rng: np.random.Generator, alpha: np.ndarray, unnamed: np.ndarray) -> np.ndarray:
    """A trimap (H, W) uint8 in which foreground of `unnamed` (H, W) bool stays unknown."""
    if rng.random() < DRAWN:
        trimap = random_trimap(rng, alpha) if rng.random() < 0.7 else exact(rng, alpha)
        trimap[unnamed & (trimap == FOREGROUND)] = UNKNOWN
        return trimap
    touched = coarse(alpha > 0, np.max)
    doubtful = coarse((alpha < 1) | unnamed, np.max)
    rows, columns = touched.shape
    wobble = 1 + 0.35 * smooth_noise(rng, max(rows, columns), rng.uniform(4, 20))[:rows, :columns]
    near = depth(~closed(rng, touched)) * GRID < rng.uniform(*BRUSH) * wobble
    away = float(np.exp(rng.uniform(*np.log(CORE))))
    core = depth(~doubtful) * GRID > away * wobble
    core = largest(core, int(rng.integers(1, LARGE_CORES + 1)))
    trimap = np.full(alpha.shape, BACKGROUND, np.uint8)
    trimap[smooth(near, alpha.shape) | (alpha > 0)] = UNKNOWN
    trimap[smooth(core, alpha.shape) & (alpha >= 1) & ~unnamed] = FOREGROUND
    return trimap


def exact(rng: np.random.Generator, alpha: np.ndarray) -> np.ndarray:
    """Unknown where alpha is fractional and a pixel or two about it."""
    return from_radii(alpha, rng.uniform(0, 3), rng.uniform(0, 3))


def coarse(mask: np.ndarray, reduce) -> np.ndarray:
    """One value for each GRID x GRID pixels."""
    rows, columns = (-(-side // GRID) for side in mask.shape)
    padded = np.pad(mask, ((0, rows * GRID - mask.shape[0]), (0, columns * GRID - mask.shape[1])), "edge")
    return reduce(padded.reshape(rows, GRID, columns, GRID), axis=(1, 3))


def closed(rng: np.random.Generator, touched: np.ndarray) -> np.ndarray:
    """The object with gaps closed that are narrower than a stroke: nobody paints into a net's cells."""
    gap = rng.uniform(2, 28) / GRID / 2
    grown = depth(~touched) <= gap
    return touched | (depth(grown) > gap)


def largest(mask: np.ndarray, count: int) -> np.ndarray:
    """The `count` largest connected pieces."""
    pieces, found = ndimage.label(mask)
    if found <= count:
        return mask
    sizes = np.bincount(pieces.ravel())[1:]
    return np.isin(pieces, 1 + np.argsort(sizes)[-count:])


def smooth(mask: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The coarse mask at full size, its steps rounded off."""
    rows, columns = (side * GRID for side in mask.shape)
    enlarged = Image.fromarray(mask.astype(np.float32)).resize((columns, rows), Image.Resampling.BILINEAR)
    return (np.asarray(enlarged) > 0.5)[: shape[0], : shape[1]]
