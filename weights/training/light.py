"""One light for a whole picture: it rounds what it falls on, leaves highlights and casts shadows on what is behind."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter
from scipy import ndimage

from .canvas import smooth_noise

WIDE = 4.0  # pixels: a blur of this radius is done at half the size


@dataclass(frozen=True)
class Light:
    """Where the light comes from and how hard it is.

    Attributes
    ----------
    towards : (2,) float32, the unit vector (y, x) in the picture that points to the light
    height : its height above the picture's plane as a part of 1: 0 grazes, 1 is frontal
    ambient : brightness of what the light does not reach, 0..1
    tint : (3,) float32, colour of the light, about 1
    """

    towards: np.ndarray
    height: float
    ambient: float
    tint: np.ndarray


def random_light(rng: np.random.Generator) -> Light:
    """From any side, more often from above, soft or hard."""
    angle = rng.normal(-np.pi / 2, 1.0)
    towards = np.array([np.sin(angle), np.cos(angle)], np.float32)
    return Light(
        towards, rng.uniform(0.3, 0.95), rng.uniform(0.25, 0.75), (1 + rng.normal(0, 0.05, 3)).astype(np.float32)
    )


def blurred(field: np.ndarray, radius: float) -> np.ndarray:
    """A Gaussian blur of values in 0..1, (H, W) or (H, W, 3) float32, through 8 bits: fast at any radius."""
    picture = Image.fromarray(np.rint(np.clip(field, 0, 1) * 255).astype(np.uint8))
    if radius < WIDE:
        return np.asarray(picture.filter(ImageFilter.GaussianBlur(radius)), np.float32) / 255
    size = picture.size
    picture = picture.reduce(2).filter(ImageFilter.GaussianBlur(radius / 2))
    return np.asarray(picture.resize(size, Image.Resampling.BILINEAR), np.float32) / 255


def rounded(rng: np.random.Generator, coverage: np.ndarray, light: Light) -> tuple[np.ndarray, np.ndarray]:
    """Brightness and highlight (H, W) of a body that bulges towards us inside `coverage`.

    The slope of the blurred coverage stands for the surface's; folds are smooth noise on top of it.
    """
    size, bulge = coverage.shape[0], rng.uniform(6, 30)
    surface = blurred(coverage, bulge) * bulge * rng.uniform(0.5, 2.5)
    if rng.random() < 0.6:
        fold = rng.uniform(12, 60)
        surface = surface + smooth_noise(rng, size, fold) * fold * rng.uniform(0.02, 0.14)
    slope_y, slope_x = np.gradient(ndimage.uniform_filter(surface, 3))
    length = np.sqrt(1 + slope_y**2 + slope_x**2)
    flat = float(np.sqrt(1 - light.height**2))
    facing = (light.height - flat * (slope_y * light.towards[0] + slope_x * light.towards[1])) / length
    brightness = light.ambient + (1 - light.ambient) * np.clip(facing, 0, 1) / max(light.height, 0.4)
    if rng.random() < 0.4:
        return brightness, np.zeros_like(brightness)
    gloss = rng.uniform(0.1, 0.9) * np.clip(facing, 0, 1) ** rng.uniform(8, 80)
    return brightness, gloss.astype(np.float32)


def lit(rng: np.random.Generator, albedo: np.ndarray, coverage: np.ndarray, light: Light) -> np.ndarray:
    """`albedo` (H, W, 3) as a rounded body of this coverage under the light."""
    brightness, gloss = rounded(rng, coverage, light)
    return np.clip(albedo * brightness[..., None] * light.tint + gloss[..., None], 0, 1).astype(np.float32)


def cast_shadow(rng: np.random.Generator, alpha: np.ndarray, light: Light) -> np.ndarray:
    """What is left of the light (H, W) on a surface behind: the alpha moved away from the light, softened."""
    distance, blur, depth = rng.uniform(2, 40), rng.uniform(1, 12), rng.uniform(0.2, 0.75) * (1 - 0.5 * light.ambient)
    shift = -light.towards * distance
    moved = ndimage.shift(alpha, shift, order=1, mode="nearest", prefilter=False)
    return 1 - depth * blurred(moved, blur)


def uneven(rng: np.random.Generator, size: int) -> np.ndarray:
    """Light that falls off across the picture, on everything alike: (size, size) float32 about 1."""
    y, x = np.mgrid[-0.5 : 0.5 : size * 1j, -0.5 : 0.5 : size * 1j]
    ramp = rng.normal(0, 0.3) * y + rng.normal(0, 0.3) * x
    return np.clip(1 + ramp + rng.uniform(0, 0.15) * smooth_noise(rng, size, 150), 0.2, 1.8).astype(np.float32)
