"""Procedural alphas, each (size, size) float32 in 0..1: solids, nets, wires, smoke, glass, leaves, scanned masks.

Fur, hair, feathers and grass are in `strands.py`.
"""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage

from .canvas import draw, outline, over, place, smooth_noise
from .material import Material


def solid(rng: np.random.Generator, size: int, material: Material) -> np.ndarray:
    """One to three overlapping outlines, sometimes with holes."""

    def paint(pen: ImageDraw.ImageDraw, n: int) -> None:
        for _ in range(rng.integers(1, 4)):
            pen.polygon(outline(rng, n), fill=255)
        if rng.random() < 0.25:
            pen.polygon(outline(rng, n), fill=0)

    return draw(size, paint)


def silhouette(rng: np.random.Generator, size: int, material: Material) -> np.ndarray:
    """One to three masks or sprite outlines of the material, large."""
    alpha = np.zeros((size, size), np.float32)
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        alpha = over(alpha, _picked(rng, size, material, (0.6, 1.8)))
    return alpha


def scatter(rng: np.random.Generator, size: int, material: Material) -> np.ndarray:
    """Many small copies of one mask: foliage, splashes, flocks."""
    alpha = np.zeros((size, size), np.float32)
    for _ in range(rng.integers(4, 16)):
        alpha = over(alpha, _picked(rng, size, material, (0.1, 0.5)))
    return alpha


def _picked(rng: np.random.Generator, size: int, material: Material, scale: tuple[float, float]) -> np.ndarray:
    if material.sprites and (not material.masks or rng.random() < 0.4):
        picture = Image.fromarray(material.sprites[rng.integers(len(material.sprites))][..., 3])
    elif material.masks:
        picture = Image.fromarray(material.masks[rng.integers(len(material.masks))])
    else:
        return solid(rng, size, material)
    return np.asarray(place(rng, picture, size, scale), np.float32) / 255


def net(rng: np.random.Generator, size: int, material: Material) -> np.ndarray:
    """One or two families of wavy parallel threads, whole or cut to a solid's outline."""
    direction = rng.uniform(0, np.pi)

    def paint(pen: ImageDraw.ImageDraw, n: int) -> None:
        unit = n / size
        for family in range(rng.integers(1, 3)):
            angle = direction + family * np.pi / 2 + rng.normal(0, 0.2)
            step, width = rng.uniform(6, 50) * unit, max(1, int(rng.uniform(0.5, 5) * unit))
            swing, waves = rng.uniform(0, 12) * unit, rng.uniform(0.5, 3)
            along = np.linspace(-1.5 * n, 1.5 * n, 30)
            for offset in np.arange(-n, 2 * n, step):
                across = offset - n / 2 + swing * np.sin(waves * along / n * 2 * np.pi + offset)
                x, y = np.cos(angle) * along - np.sin(angle) * across, np.sin(angle) * along + np.cos(angle) * across
                pen.line(list(zip(n / 2 + x, n / 2 + y, strict=True)), fill=255, width=width)

    alpha = draw(size, paint)
    return alpha * solid(rng, size, material) if rng.random() < 0.5 else alpha


def wire(rng: np.random.Generator, size: int, material: Material) -> np.ndarray:
    """A few long curved wires, ropes or twigs of changing width."""

    def paint(pen: ImageDraw.ImageDraw, n: int) -> None:
        for _ in range(rng.integers(2, 14)):
            start, angle, bend = rng.uniform(0, n, 2), rng.uniform(0, 2 * np.pi), rng.normal(0, 0.12)
            width, reach = rng.uniform(0.7, 9) * n / size, rng.uniform(0.3, 1.5) * n / 20
            for _ in range(20):
                end = start + reach * np.array([np.cos(angle), np.sin(angle)])
                pen.line([*start, *end], fill=255, width=max(1, round(width)))
                start, angle, width = end, angle + bend + rng.normal(0, 0.1), width * rng.uniform(0.93, 1.02)

    alpha = draw(size, paint)
    return over(alpha, solid(rng, size, material)) if rng.random() < 0.4 else alpha


def leaves(rng: np.random.Generator, size: int, material: Material) -> np.ndarray:
    """Pointed ovals in all directions, many or few."""

    def paint(pen: ImageDraw.ImageDraw, n: int) -> None:
        long, thick = rng.uniform(10, 60) * n / size, rng.uniform(0.1, 0.6)
        along = np.linspace(0, 1, 12)
        for _ in range(int(rng.uniform(8, 120))):
            length, turn = long * rng.uniform(0.5, 1.3), rng.uniform(0, 2 * np.pi)
            half = length * thick * np.sin(np.pi * along ** rng.uniform(0.6, 1.5)) / 2
            u, v = np.r_[along, along[::-1]] * length, np.r_[half, -half[::-1]]
            x, y = rng.uniform(-0.1, 1.1, 2) * n
            x, y = x + np.cos(turn) * u - np.sin(turn) * v, y + np.sin(turn) * u + np.cos(turn) * v
            pen.polygon(list(zip(x, y, strict=True)), fill=255)

    return draw(size, paint)


def smoke(rng: np.random.Generator, size: int, material: Material) -> np.ndarray:
    """Four octaves of smooth noise, shifted, scaled and cut to 0..1."""
    octaves = ((90, 1), (40, 0.5), (18, 0.25), (8, 0.12))
    cloud = sum(weight * smooth_noise(rng, size, cell) for cell, weight in octaves)
    return np.clip((cloud + rng.uniform(-0.5, 0.7)) * rng.uniform(0.3, 2.0), 0, 1).astype(np.float32)


def glass(rng: np.random.Generator, size: int, material: Material) -> np.ndarray:
    """A solid that lets light through evenly, with an opaque rim and a few opaque spots."""
    body = silhouette(rng, size, material) if rng.random() < 0.5 else solid(rng, size, material)
    inside = ndimage.gaussian_filter(body, rng.uniform(2, 8))
    rim = body * (1 - np.clip(inside * rng.uniform(0.9, 1.2), 0, 1)) * rng.uniform(0.3, 1.5)
    return np.clip(body * rng.uniform(0.1, 0.7) + rim, 0, 1).astype(np.float32)
