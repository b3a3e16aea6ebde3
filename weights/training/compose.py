"""The compositor: one call draws an alpha, colours, a photograph-like mix of them and a trimap."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image
from scipy import ndimage

from . import shapes, strands
from .canvas import over, place
from .colours import colours, make_alike, photo_crop, plain_colour, relight, same_photo
from .material import Material
from .trimaps import random_trimap

SOLID_WITHIN = 3 / 255  # alphas this near to 0 or 1 become exactly so

KINDS = {
    "fringed": (strands.fringed, 0.26),
    "solid": (shapes.solid, 0.16),
    "silhouette": (shapes.silhouette, 0.18),
    "scatter": (shapes.scatter, 0.08),
    "leaves": (shapes.leaves, 0.08),
    "grass": (strands.grass, 0.05),
    "feather": (strands.feather, 0.04),
    "net": (shapes.net, 0.05),
    "wire": (shapes.wire, 0.04),
    "smoke": (shapes.smoke, 0.03),
    "glass": (shapes.glass, 0.03),
}
FUZZY = {"fringed", "feather", "grass"}


@dataclass(frozen=True)
class Sample:
    """image (H, W, 3) uint8, alpha (H, W) uint8 0..255, trimap (H, W) uint8 of 0, 128, 255, and the alpha's kind."""

    image: np.ndarray
    alpha: np.ndarray
    trimap: np.ndarray
    kind: str


def make_sample(seed: int | list[int], size: int, material: Material, kind: str | None = None) -> Sample:
    """The sample that belongs to `seed`: the same numbers on every machine with the same library versions.

    `kind`, one of `KINDS`, draws that shape; by default the mixture's chances decide.
    """
    rng = np.random.default_rng(seed)
    while True:
        if kind is None and material.sprites and rng.random() < 0.12:
            drawn, (alpha, foreground) = "sprite", sprite(rng, size, material)
        else:
            drawn, alpha = draw_alpha(rng, size, material, kind)
            foreground = colours(rng, size, material, drawn in FUZZY)
        alpha = soften(rng, alpha)
        trimap = random_trimap(rng, alpha)
        if acceptable(rng, alpha, trimap):
            break
    background = draw_background(rng, size, material)
    if drawn != "sprite" and rng.random() < 0.12:
        foreground, background = same_photo(rng, size, material)
    elif rng.random() < 0.25:
        foreground = make_alike(rng, foreground, background)
    foreground, background = relight(rng, foreground), relight(rng, background)
    mixed = alpha[..., None] * foreground + (1 - alpha[..., None]) * background
    image = photograph(rng, mixed)
    stored = np.rint(alpha * 255).astype(np.uint8)
    if rng.random() < 0.5:
        image, stored, trimap = image[:, ::-1], stored[:, ::-1], trimap[:, ::-1]
    return Sample(*map(np.array, (image, stored, trimap)), drawn)


def acceptable(rng: np.random.Generator, alpha: np.ndarray, trimap: np.ndarray) -> bool:
    """Something to decide, both sides present, and usually some foreground that is known."""
    named = (trimap == 255).mean() > 0.01 or rng.random() < 0.25
    return bool(0.03 < (trimap == 128).mean() < 0.97 and alpha.std() > 0.05 and named)


def draw_alpha(
    rng: np.random.Generator, size: int, material: Material, kind: str | None = None
) -> tuple[str, np.ndarray]:
    """A shape of a random kind, or of `kind`, sometimes merged with a second one."""
    names, chances = list(KINDS), np.array([chance for _, chance in KINDS.values()])
    if kind is None:
        kind = names[rng.choice(len(names), p=chances / chances.sum())]
    alpha = KINDS[kind][0](rng, size, material)
    if rng.random() < 0.2:
        other = names[rng.choice(len(names), p=chances / chances.sum())]
        alpha = over(alpha, KINDS[other][0](rng, size, material))
    return kind, alpha


def sprite(rng: np.random.Generator, size: int, material: Material) -> tuple[np.ndarray, np.ndarray]:
    """Alpha and straight colours of an RGBA picture: the outline and the colours belong together."""
    picture = Image.fromarray(material.sprites[rng.integers(len(material.sprites))]).convert("RGBa")
    pixels = np.asarray(place(rng, picture, size, (0.7, 1.8)), np.float32) / 255
    alpha = pixels[..., 3]
    straight = pixels[..., :3] / np.maximum(alpha, 1 / 255)[..., None]
    return alpha, np.clip(straight, 0, 1)


def soften(rng: np.random.Generator, alpha: np.ndarray) -> np.ndarray:
    """Defocus, motion blur and thinning of the alpha; nearly solid values become solid."""
    draw = rng.random()
    if draw < 0.35:
        alpha = ndimage.gaussian_filter(alpha, min(rng.exponential(1.8), 8))
    elif draw < 0.42:
        alpha = np.clip(motion_blur(alpha, rng.uniform(3, 25), rng.uniform(0, 180)), 0, 1)
    if rng.random() < 0.05:
        alpha = alpha * rng.uniform(0.3, 1)
    alpha = np.where(alpha < SOLID_WITHIN, 0, np.where(alpha > 1 - SOLID_WITHIN, 1, alpha))
    return alpha.astype(np.float32)


def motion_blur(alpha: np.ndarray, length: float, angle: float) -> np.ndarray:
    """Average along a line of `length` pixels at `angle` degrees."""
    steps = np.linspace(-length / 2, length / 2, max(3, int(length / 2)))
    direction = np.sin(np.deg2rad(angle)), np.cos(np.deg2rad(angle))
    shifted = [ndimage.shift(alpha, (s * direction[0], s * direction[1]), order=1, mode="nearest") for s in steps]
    return np.mean(shifted, 0)


def draw_background(rng: np.random.Generator, size: int, material: Material) -> np.ndarray:
    """A photo, often out of focus, or a plain wall."""
    if rng.random() < 0.1:
        return plain_colour(rng, size)
    background = photo_crop(rng, size, material, (0.3, 1.0))
    if rng.random() < 0.45:
        blur = min(rng.exponential(3), 15)
        background = ndimage.gaussian_filter(background, (blur, blur, 0))
    return background


def photograph(rng: np.random.Generator, picture: np.ndarray) -> np.ndarray:
    """What a camera does: tone curve, colour cast, slight blur, noise, JPEG; (H, W, 3) float -> uint8."""
    if rng.random() < 0.5:
        picture = np.clip(picture, 0, 1) ** rng.uniform(0.7, 1.4)
    if rng.random() < 0.5:
        picture = picture * rng.uniform(0.85, 1.15, 3) + rng.uniform(-0.05, 0.05)
    if rng.random() < 0.15:
        blur = rng.uniform(0.3, 0.9)
        picture = ndimage.gaussian_filter(picture, (blur, blur, 0))
    if rng.random() < 0.5:
        picture = picture + rng.normal(0, min(rng.exponential(0.012), 0.06), picture.shape)
    image = np.rint(np.clip(picture, 0, 1) * 255).astype(np.uint8)
    if rng.random() < 0.3:
        file = io.BytesIO()
        Image.fromarray(image).save(file, "JPEG", quality=int(rng.integers(50, 96)))
        image = np.asarray(Image.open(file))
    return image
