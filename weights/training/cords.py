"""Threads, cables, ropes and bare twigs, round in section, of which up to half lie in shadow."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from .canvas import OVERSAMPLING, rgb, smooth_noise
from .light import Light
from .material import Material
from .parts import parts
from .surfaces import paint
from .thing import Thing, before

CORDS = (2, 16)
WIDTH = (0.6, 9)  # pixels
IN_SHADOW = (0, 0.6)  # of their length
HUNG_ON_SOMETHING = 0.6
POINTS = 28


def cords(rng: np.random.Generator, size: int, material: Material, light: Light) -> Thing:
    """Cords of two or three colours, most of them hung on an object of parts."""
    n = size * OVERSAMPLING
    cover, colour = Image.new("L", (n, n)), Image.new("RGB", (size, size))
    pens = ImageDraw.Draw(cover), ImageDraw.Draw(colour)
    tints = [paint(rng, 8, material)[0, 0] for _ in range(rng.integers(1, 4))]
    shadow = 1 - (1 - rng.uniform(0.1, 0.5)) * shadowed(rng, size)
    width, beaded = float(np.exp(rng.uniform(*np.log(WIDTH)))), rng.random() < 0.2
    gloss = rng.uniform(0, 0.7)
    for _ in range(rng.integers(*CORDS)):
        tint = tints[rng.integers(len(tints))]
        cord(rng, pens, curve(rng, size), width * rng.uniform(0.5, 1.5), (tint, tints[0] if beaded else tint), gloss)
    alpha = np.asarray(cover.resize((size, size), Image.Resampling.BOX), np.float32) / 255
    tinted = np.asarray(colour, np.float32) / 255 * shadow[..., None] * light.tint
    thing = Thing(alpha, np.clip(tinted, 0, 1).astype(np.float32), np.ones(alpha.shape, bool))
    if rng.random() > HUNG_ON_SOMETHING:
        return thing
    other = parts(rng, size, material, light)
    return before(thing, other) if rng.random() < 0.5 else before(other, thing)


def shadowed(rng: np.random.Generator, size: int) -> np.ndarray:
    """A part of the picture as a soft-edged mask (size, size): where other things keep the light away."""
    noise = smooth_noise(rng, size, rng.uniform(30, 120))
    level = np.quantile(noise[::8, ::8], 1 - rng.uniform(*IN_SHADOW))
    return np.clip((noise - level) * rng.uniform(2, 12) + 0.5, 0, 1)


def curve(rng: np.random.Generator, size: int) -> np.ndarray:
    """Points (POINTS, 2) of one cord: straight, sagging, or curled up."""
    curl = rng.choice([0.02, 0.12, 0.35])
    angles = rng.uniform(0, 2 * np.pi) + np.cumsum(rng.normal(rng.normal(0, curl), curl, POINTS))
    step = rng.uniform(0.3, 1.3) * size / POINTS
    return rng.uniform(0, size, 2) + np.cumsum(np.stack([np.cos(angles), np.sin(angles)], -1), 0) * step


def cord(
    rng: np.random.Generator,
    pens: tuple[ImageDraw.ImageDraw, ImageDraw.ImageDraw],
    points: np.ndarray,
    width: float,
    tints: tuple[np.ndarray, np.ndarray],
    gloss: float,
) -> None:
    """Draw it darker at the sides, with a bright line along it; two tints alternate along a beaded one."""
    fine = (points * OVERSAMPLING).ravel().tolist()
    pens[0].line(fine, fill=255, width=max(1, round(width * OVERSAMPLING)), joint="curve")
    pieces = zip(points[:-1], points[1:], strict=True)
    for number, (a, b) in enumerate(pieces):
        tint, line = tints[number // 2 % 2], np.r_[a, b]
        pens[1].line(line.tolist(), fill=rgb(tint * 0.6), width=round(width) + 3)
        pens[1].line(line.tolist(), fill=rgb(tint), width=max(1, round(width * 0.7)))
        if width > 2.5:
            pens[1].line((line - 0.15 * width).tolist(), fill=rgb(tint + gloss), width=max(1, round(width * 0.25)))
