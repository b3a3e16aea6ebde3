"""Fur, hair, feathers and grass: strands that grow out of an outline, (size, size) float32 in 0..1."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage

from .canvas import OVERSAMPLING, draw, over
from .material import Material
from .shapes import silhouette, solid


def fringed(rng: np.random.Generator, size: int, material: Material) -> np.ndarray:
    """A solid or silhouette with fur (short, many), hair (long, few) or wind-blown hair along its edge."""
    base = silhouette(rng, size, material) if rng.random() < 0.4 else solid(rng, size, material)
    n = size * OVERSAMPLING
    core = np.asarray(Image.fromarray((base * 255).astype(np.uint8)).resize((n, n), Image.Resampling.BICUBIC))
    small = base > 0.5
    edge = np.argwhere(small & ~ndimage.binary_erosion(small, iterations=2, border_value=1))
    if len(edge) < 10:
        return base
    slope = np.stack(np.gradient(ndimage.gaussian_filter(base, 5)), -1)
    long = rng.random() < 0.5
    length = rng.uniform(25, 90) if long else rng.uniform(4, 25)
    count = int(rng.uniform(40, 250) if long else rng.uniform(200, 1000))
    width, bend, wind = rng.uniform(0.4, 2.2), rng.uniform(0, 1.5), rng.uniform(0, 2 * np.pi)
    blown, spread = rng.random() < 0.4, rng.uniform(0.1, 0.7)

    def paint(pen: ImageDraw.ImageDraw, n: int) -> None:
        for y, x in edge[rng.integers(0, len(edge), count)]:
            outward = np.arctan2(-slope[y, x, 0], -slope[y, x, 1])
            angle = (wind if blown else outward) + rng.normal(0, spread)
            root = np.array([x, y]) - 2 * np.array([np.cos(outward), np.sin(outward)])
            points = strand(rng, root, angle, length * rng.uniform(0.3, 1), rng.normal(0, bend)) * OVERSAMPLING
            thickness = max(1, int(width * rng.uniform(0.4, 1) * OVERSAMPLING))
            pen.line([tuple(p) for p in points], fill=int(rng.uniform(130, 256)), width=thickness)

    return draw(size, paint, core.copy())


def strand(rng: np.random.Generator, root: np.ndarray, angle: float, length: float, bend: float) -> np.ndarray:
    """Points (9, 2) of a bent, slightly shaky line that starts at `root`."""
    angles = angle + bend * np.linspace(0, 1, 8) + np.cumsum(rng.normal(0, 0.06, 8))
    steps = np.stack([np.cos(angles), np.sin(angles)], -1) * length / 8
    return np.concatenate([root[None], root + np.cumsum(steps, 0)])


def feather(rng: np.random.Generator, size: int, material: Material) -> np.ndarray:
    """A few feathers: barbs on both sides of a bent shaft."""

    def paint(pen: ImageDraw.ImageDraw, n: int) -> None:
        for _ in range(rng.integers(1, 5)):
            length, slant = rng.uniform(0.4, 1.1) * n, rng.uniform(0.4, 1.1)
            shaft = strand(rng, rng.uniform(0, n, 2), rng.uniform(0, 2 * np.pi), length, rng.normal(0, 0.5))
            broad, width = length * rng.uniform(0.08, 0.25), max(1, int(rng.uniform(0.4, 2) * n / size))
            for part in np.linspace(0.05, 1, rng.integers(40, 140)):
                at = np.array([np.interp(part * 8, range(9), shaft[:, k]) for k in (0, 1)])
                ahead = shaft[min(8, int(part * 8) + 1)] - shaft[max(0, int(part * 8) - 1)]
                direction = np.arctan2(ahead[1], ahead[0])
                reach = broad * np.sin(np.pi * (0.1 + 0.85 * part)) * rng.uniform(0.8, 1.1)
                for side in (-slant, slant):
                    barb = strand(rng, at, direction + side, reach, -side * 0.5)
                    pen.line([tuple(p) for p in barb], fill=int(rng.uniform(120, 256)), width=width)
            pen.line([tuple(p) for p in shaft], fill=255, width=2 * width)

    return draw(size, paint)


def grass(rng: np.random.Generator, size: int, material: Material) -> np.ndarray:
    """Blades that grow from a line near the bottom, or from a clump."""

    def paint(pen: ImageDraw.ImageDraw, n: int) -> None:
        clump, center = rng.random() < 0.5, rng.uniform(0.2, 0.8) * n
        ground, reach, width = rng.uniform(0.7, 1.1) * n, rng.uniform(0.2, 0.8) * n, rng.uniform(0.7, 6)
        for _ in range(int(rng.uniform(15, 160))):
            x = rng.normal(center, n * 0.05) if clump else rng.uniform(0, n)
            angle = rng.normal(-np.pi / 2, 0.5 if clump else 0.2)
            points = strand(rng, np.array([x, ground]), angle, reach * rng.uniform(0.3, 1.1), rng.normal(0, 0.7))
            half = np.linspace(width, 0.3, 9)[:, None] * rng.uniform(0.5, 1) * n / size / 2
            aside = np.stack([-np.sin([angle] * 9), np.cos([angle] * 9)], -1) * half
            pen.polygon([tuple(p) for p in np.r_[points + aside, (points - aside)[::-1]]], fill=255)
        pen.rectangle([0, min(ground, n), n, n], fill=255)

    alpha = draw(size, paint)
    return over(alpha, solid(rng, size, material)) if rng.random() < 0.2 else alpha
