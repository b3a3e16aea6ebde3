"""Plants: twigs with leaves, drawn from back to front; what lies behind the rest lies in its shadow."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from .canvas import OVERSAMPLING, rgb
from .light import Light
from .material import Material
from .parts import body
from .surfaces import paint, surface
from .thing import Thing, before

LEAVES = (15, 160)
TWIGS = (3, 14)
LEAF = (6, 60)  # pixels long
IN_SHADOW = (0.1, 0.6)  # of the leaves
POT = 0.3  # of the plants stand in something


def plant(rng: np.random.Generator, size: int, material: Material, light: Light) -> Thing:
    """Twigs from one root, with leaves along them and about them."""
    n = size * OVERSAMPLING
    cover, colour = Image.new("L", (n, n)), Image.new("RGB", (size, size))
    pens = ImageDraw.Draw(cover), ImageDraw.Draw(colour)
    tints = leaf_tints(rng, material)
    root, twigs = rng.uniform(0.15, 0.85, 2) * size, []
    for _ in range(rng.integers(*TWIGS)):
        twigs.append(grown(rng, root, rng.uniform(0.15, 0.6) * size))
    count, shadowed = rng.integers(*LEAVES), rng.uniform(*IN_SHADOW)
    long, slim, leafless = rng.uniform(*LEAF), rng.uniform(0.08, 0.6), rng.random() < 0.1
    dark = rng.uniform(0.08, 0.5)
    for twig in twigs:
        stroke(rng, pens, twig, rng.uniform(0.6, 4), tints[-1] * rng.choice([dark, 1]))
    for number in range(0 if leafless else count):
        shade = dark if number < shadowed * count else rng.uniform(0.6, 1.15)
        at = twigs[rng.integers(len(twigs))][rng.integers(3, 12)] + rng.normal(0, long * 0.4, 2)
        leaf(rng, pens, at, long * rng.uniform(0.4, 1.2), slim * rng.uniform(0.6, 1.4), tints[rng.integers(3)] * shade)
    alpha = np.asarray(cover.resize((size, size), Image.Resampling.BOX), np.float32) / 255
    thing = Thing(alpha, np.asarray(colour, np.float32) / 255, np.full(alpha.shape, rng.random() < 0.3))
    if rng.random() > POT:
        return thing
    pot = body(rng, size, material)
    coat = surface(rng, size, material) * (light.ambient + (1 - light.ambient) * rng.uniform(0.3, 1))
    return before(thing, Thing(pot, coat.astype(np.float32), np.zeros(pot.shape, bool)))


def leaf_tints(rng: np.random.Generator, material: Material) -> np.ndarray:
    """Colours (4, 3): three of leaves or petals, one of twigs; greens, dry browns, or those of any photo."""
    kind = rng.random()
    if kind < 0.45:
        first = np.array([rng.uniform(0.05, 0.5), rng.uniform(0.25, 0.75), rng.uniform(0, 0.3)])
    elif kind < 0.65:
        first = np.array([rng.uniform(0.3, 0.8), rng.uniform(0.2, 0.5), rng.uniform(0, 0.25)])
    else:
        first = paint(rng, 8, material)[0, 0]
    tints = first + rng.normal(0, 0.08, (4, 3))
    if rng.random() < 0.35:
        tints[2] = rng.uniform(0, 1, 3)  # blossoms
    tints[3] = np.array([0.4, 0.3, 0.2]) * rng.uniform(0.4, 1.5) if rng.random() < 0.6 else tints[0]
    return np.clip(tints, 0, 1)


def grown(rng: np.random.Generator, root: np.ndarray, length: float) -> np.ndarray:
    """A twig's points (12, 2)."""
    angles = rng.uniform(0, 2 * np.pi) + np.cumsum(rng.normal(0, 0.15, 12)) + rng.normal(0, 0.6) * np.linspace(0, 1, 12)
    return root + np.cumsum(np.stack([np.cos(angles), np.sin(angles)], -1), 0) * length / 12


Pens = tuple[ImageDraw.ImageDraw, ImageDraw.ImageDraw]


def stroke(rng: np.random.Generator, pens: Pens, points: np.ndarray, width: float, tint: np.ndarray) -> None:
    """A twig that gets thinner, on the fine coverage and on the colours."""
    for a, b, part in zip(points[:-1], points[1:], np.linspace(1, 0.35, len(points) - 1), strict=True):
        line = np.r_[a, b]
        thick = max(1, round(width * part * OVERSAMPLING))
        pens[0].line((line * OVERSAMPLING).tolist(), fill=255, width=thick)
        pens[1].line(line.tolist(), fill=rgb(tint * rng.uniform(0.8, 1.1)), width=round(width * part) + 2)


def leaf(rng: np.random.Generator, pens: Pens, at: np.ndarray, length: float, slim: float, tint: np.ndarray) -> None:
    """A pointed oval whose two halves catch the light differently."""
    along, turn = np.linspace(0, 1, 9), rng.uniform(0, 2 * np.pi)
    half = length * slim * np.sin(np.pi * along ** rng.uniform(0.6, 1.5)) / 2
    bow = rng.normal(0, 0.12) * length * np.sin(np.pi * along)
    for side, shade in ((1, 1), (-1, rng.uniform(0.75, 1.05))):
        u, v = np.r_[along, along[::-1]] * length, np.r_[bow + side * half, bow[::-1]]
        points = at + np.stack([np.cos(turn) * u - np.sin(turn) * v, np.sin(turn) * u + np.cos(turn) * v], -1)
        pens[0].polygon((points * OVERSAMPLING).ravel().tolist(), fill=255)
        pens[1].polygon(points.ravel().tolist(), fill=rgb(tint * shade), outline=rgb(tint * shade))
