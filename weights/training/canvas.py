"""Small tools the shapes share: smooth noise, an oversampled canvas, outlines, placing one picture in another."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw

OVERSAMPLING = 3
Points = list[tuple[float, float]]


def smooth_noise(rng: np.random.Generator, size: int, cell: float) -> np.ndarray:
    """Gaussian noise on a coarse grid, enlarged: (size, size) float32, mean 0, deviation about 0.7."""
    cells = max(2, round(size / cell)) + 2
    coarse = Image.fromarray(rng.standard_normal((cells, cells)).astype(np.float32))
    return np.asarray(coarse.resize((size, size), Image.Resampling.BICUBIC))


def draw(size: int, paint: Callable[[ImageDraw.ImageDraw, int], None], start: np.ndarray | None = None) -> np.ndarray:
    """Call `paint(pen, n)` on an n x n canvas, n = 3 * size, and average it down: (size, size) float32 in 0..1."""
    n = size * OVERSAMPLING
    canvas = Image.new("L", (n, n)) if start is None else Image.fromarray(start)
    paint(ImageDraw.Draw(canvas), n)
    return np.asarray(canvas.resize((size, size), Image.Resampling.BOX), np.float32) / 255


def outline(rng: np.random.Generator, n: int) -> Points:
    """A closed outline inside an n x n canvas: smooth (a few harmonics), or a polygon with corners."""
    return outline_at(rng, rng.uniform(0.1, 0.9, 2) * n, rng.uniform(0.15, 0.5) * n)


def outline_at(rng: np.random.Generator, center: np.ndarray, radius: float) -> Points:
    """The same about a given center (x, y), its reach about `radius`."""
    if rng.random() < 0.65:
        angle = np.linspace(0, 2 * np.pi, 96, endpoint=False)
        waves = sum(rng.normal(0, 0.16 / k) * np.sin(k * angle + rng.uniform(0, 7)) for k in range(1, 10))
        reach = radius * np.maximum(1 + waves, 0.1)
    else:
        angle = np.sort(rng.uniform(0, 2 * np.pi, rng.integers(4, 22)))
        reach = radius * rng.uniform(0.4, 1.2, angle.size)
    stretch, turn = rng.uniform(0.6, 1.6), rng.uniform(0, 2 * np.pi)
    x, y = reach * np.cos(angle) * stretch, reach * np.sin(angle) / stretch
    return [
        (center[0] + np.cos(turn) * u - np.sin(turn) * v, center[1] + np.sin(turn) * u + np.cos(turn) * v)
        for u, v in zip(x, y, strict=True)
    ]


def place(rng: np.random.Generator, picture: Image.Image, size: int, scale: tuple[float, float]) -> Image.Image:
    """Scale, mirror and turn `picture`, then put it somewhere on an empty size x size canvas of the same mode.

    `scale` bounds its longest side as a part of `size`; colour must be premultiplied (mode RGBa) or absent (L).
    """
    factor = rng.uniform(*scale) * size / max(picture.size)
    width, height = (max(4, round(side * factor)) for side in picture.size)
    picture = picture.resize((width, height), Image.Resampling.BILINEAR, reducing_gap=2.0)
    if rng.random() < 0.5:
        picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    angle = rng.normal(0, 15) if rng.random() < 0.6 else rng.uniform(0, 360)
    picture = picture.rotate(angle, expand=True, resample=Image.Resampling.BILINEAR)
    x, y = (int(rng.uniform(0.1, 0.9) * size - side / 2) for side in picture.size)
    canvas = Image.new(picture.mode, (size, size))
    canvas.paste(picture, (x, y))
    return canvas


def over(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Coverage of two independent layers: 1 - (1 - first)(1 - second)."""
    return first + second - first * second


def rgb(tint: np.ndarray) -> tuple[int, ...]:
    """A colour (3,) of 0..1 as PIL's pens take it."""
    return tuple(np.rint(np.clip(tint, 0, 1) * 255).astype(int).tolist())
