"""Foreground and background colours, (size, size, 3) float32 in 0..1: photo crops, palettes, and how alike they are."""

from __future__ import annotations

import numpy as np
from PIL import Image
from scipy import ndimage

from .canvas import smooth_noise
from .material import Material


def photo_crop(rng: np.random.Generator, size: int, material: Material, zoom: tuple[float, float]) -> np.ndarray:
    """A random square of a random photo; `zoom` bounds its side as a part of the photo's shorter side."""
    return square(rng, size, material.photos[rng.integers(len(material.photos))], zoom)


def same_photo(rng: np.random.Generator, size: int, material: Material) -> tuple[np.ndarray, np.ndarray]:
    """Two squares of one photo: leaves before leaves, cloth before cloth. Position and scale differ, light does not."""
    photo = material.photos[rng.integers(len(material.photos))]
    return square(rng, size, photo, (0.2, 0.7)), square(rng, size, photo, (0.2, 0.7))


def square(rng: np.random.Generator, size: int, photo: np.ndarray, zoom: tuple[float, float]) -> np.ndarray:
    """A random square of this photo, mirrored or turned now and then: (size, size, 3) float32 in 0..1."""
    height, width = photo.shape[:2]
    side = max(16, int(min(height, width) * rng.uniform(*zoom)))
    y, x = rng.integers(height - side + 1), rng.integers(width - side + 1)
    crop = photo[y : y + side, x : x + side]
    if rng.random() < 0.5:
        crop = crop[:, ::-1]
    if rng.random() < 0.15:
        crop = np.rot90(crop)
    image = Image.fromarray(np.ascontiguousarray(crop)).resize((size, size), Image.Resampling.BILINEAR)
    return np.asarray(image, np.float32) / 255


def plain_colour(rng: np.random.Generator, size: int) -> np.ndarray:
    """One colour with a soft drift of light: studio walls, cloth, skin."""
    light = 1 + rng.uniform(0, 0.3) * smooth_noise(rng, size, rng.uniform(40, 150))[..., None]
    grain = rng.uniform(0, 0.06) * smooth_noise(rng, size, rng.uniform(2, 12))[..., None]
    return np.clip(rng.uniform(0, 1, 3).astype(np.float32) * light + grain, 0, 1)


def streaks(rng: np.random.Generator, size: int) -> np.ndarray:
    """Hair and fur: two colours mixed along narrow streaks of one direction."""
    fine = ndimage.gaussian_filter(rng.standard_normal((size, size)).astype(np.float32), (0.6, rng.uniform(4, 14)))
    fine = ndimage.rotate(fine, rng.uniform(0, 180), reshape=False, order=1, mode="mirror")
    mix = 1 / (1 + np.exp(-(fine / (fine.std() + 1e-6) + smooth_noise(rng, size, 40))))[..., None]
    dark, pale = rng.uniform(0, 0.7, 3), rng.uniform(0, 1, 3)
    pale = dark + (pale - dark) * rng.uniform(0.2, 1)
    return np.clip(dark * mix + pale * (1 - mix), 0, 1).astype(np.float32)


def colours(rng: np.random.Generator, size: int, material: Material, fuzzy: bool) -> np.ndarray:
    """Foreground colours; `fuzzy` alphas (hair, fur) are streaked more often."""
    draw = rng.random()
    if draw < (0.3 if fuzzy else 0.05):
        return streaks(rng, size)
    if draw < (0.4 if fuzzy else 0.2):
        return plain_colour(rng, size)
    crop = photo_crop(rng, size, material, (0.2, 1.0))
    if rng.random() < 0.15:  # two materials in one object
        other = photo_crop(rng, size, material, (0.2, 1.0))
        border = np.clip(smooth_noise(rng, size, 60)[..., None] * 8, 0, 1)
        crop = crop * border + other * (1 - border)
    return crop


def make_alike(rng: np.random.Generator, moved: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Shift and stretch the colours of `moved` towards those of `target`: low contrast between the two."""
    strength = rng.uniform(0.5, 1)
    mean, goal = moved.mean((0, 1)), target.mean((0, 1))
    stretch = ((target.std((0, 1)) + 0.02) / (moved.std((0, 1)) + 0.02)) ** (strength * rng.integers(0, 2))
    return np.clip((moved - mean) * stretch + mean + (goal - mean) * strength, 0, 1)


def relight(rng: np.random.Generator, picture: np.ndarray) -> np.ndarray:
    """Darken, brighten, desaturate or light unevenly, each now and then."""
    if rng.random() < 0.3:
        picture = picture * rng.uniform(0.25, 1.1)
    if rng.random() < 0.15:
        grey = picture.mean(-1, keepdims=True)
        picture = grey + (picture - grey) * rng.uniform(0, 1.3)
    if rng.random() < 0.25:
        picture = picture * (1 + 0.35 * smooth_noise(rng, picture.shape[0], rng.uniform(40, 120))[..., None])
    return np.clip(picture, 0, 1).astype(np.float32)
