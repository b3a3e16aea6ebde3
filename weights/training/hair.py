"""Hair about a solid: locks that let light through, a haze of fine ends, single strands."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage

from .canvas import OVERSAMPLING
from .light import Light, blurred, lit
from .material import Material
from .parts import body, parts
from .surfaces import paint, striped
from .thing import Thing, before

LOCKS = (3, 26)
STRANDS_IN_A_LOCK = (4, 40)
SINGLE_STRANDS = (5, 80)
LENGTH = (0.08, 0.5)  # of the picture
WIDTH = (0.35, 1.6)  # pixels
HAZE = 0.6  # of the pictures have one
POINTS = 12


def hair(rng: np.random.Generator, size: int, material: Material, light: Light) -> Thing:
    """Locks and strands that grow from the border of a body, of two hues."""
    if rng.random() < 0.3:
        head = parts(rng, size, material, light)
    else:
        alpha = body(rng, size, material)
        coat = striped(rng, size, material) if rng.random() < 0.6 else paint(rng, size, material)
        head = Thing(alpha, lit(rng, coat, alpha, light), np.zeros(alpha.shape, bool))
    curves = all_curves(rng, head.alpha)
    if curves is None:
        return head
    dark = striped(rng, 8, material).reshape(-1, 3)[rng.integers(64)] if rng.random() < 0.5 else rooted(rng, head)
    dark = np.asarray(dark, np.float32)
    pale = np.clip(dark * rng.uniform(1, 2.2) + rng.uniform(0, 0.15), 0, 1)
    locks = drawn(rng, size, curves, dark, pale)
    if rng.random() < HAZE:
        haze = np.clip(blurred(locks.alpha, rng.uniform(2, 9)) * rng.uniform(0.2, 1.1), 0, 0.85)
        locks = before(locks, Thing(haze, np.broadcast_to((dark + pale) / 2, locks.colour.shape), locks.unnamed))
    return before(locks, head) if rng.random() < 0.5 else before(head, locks)


def rooted(rng: np.random.Generator, head: Thing) -> np.ndarray:
    """A colour (3,) of the body, where hair goes on in its hue."""
    inside = np.argwhere(head.alpha > 0.9)
    return head.colour[tuple(inside[rng.integers(len(inside))])] if len(inside) else rng.uniform(0, 0.6, 3)


def all_curves(rng: np.random.Generator, alpha: np.ndarray) -> np.ndarray | None:
    """Points (strands, POINTS, 2) as x, y in pixels; None where the body has no border in the picture."""
    solid = alpha > 0.5
    edge = np.argwhere(solid & ~ndimage.binary_erosion(solid, iterations=2, border_value=1))
    if len(edge) < 10:
        return None
    slope = np.stack(np.gradient(blurred(alpha, 6)), -1)
    bunches, size = [], alpha.shape[0]
    wind, blown = rng.uniform(0, 2 * np.pi), rng.uniform(0, 0.8)
    length = rng.uniform(*LENGTH) * size
    spreads = [rng.uniform(0.01, 0.25) for _ in range(rng.integers(*LOCKS))] + [1.0]
    for spread in spreads:
        single = spread == 1.0
        count = rng.integers(*(SINGLE_STRANDS if single else STRANDS_IN_A_LOCK))
        y, x = edge[rng.integers(len(edge), size=count if single else 1)].T
        outward = np.arctan2(-slope[y, x, 0], -slope[y, x, 1])
        start = outward + blown * np.sin(wind - outward) + rng.normal(0, 0.4, len(y))
        bend = rng.normal(0, 1.2) + rng.normal(0, spread, count)
        angles = start[:, None] + np.linspace(0, 1, POINTS) * bend[:, None]
        angles = angles + np.cumsum(rng.normal(0, 0.07, (count, POINTS)), 1) + rng.normal(0, spread * 0.6, (count, 1))
        step = length * rng.uniform(0.35, 1.1, (count, 1)) / POINTS
        walk = np.cumsum(np.stack([np.cos(angles) * step, np.sin(angles) * step], -1), 1)
        root = np.stack([x, y], -1) + rng.normal(0, 1 if single else spread * 40, (count, 2))
        bunches.append(root[:, None] + walk)
    return np.concatenate(bunches)


def drawn(rng: np.random.Generator, size: int, curves: np.ndarray, dark: np.ndarray, pale: np.ndarray) -> Thing:
    """The curves as strands, each of its own mix of the two hues and opacity."""
    n = size * OVERSAMPLING
    cover, hue = Image.new("L", (n, n)), Image.new("L", (size, size), 128)
    pen, tint = ImageDraw.Draw(cover), ImageDraw.Draw(hue)
    width, opaque = rng.uniform(*WIDTH), rng.uniform(0.45, 1)
    for curve in curves:
        thickness = max(1, round(width * rng.uniform(0.4, 1.2) * OVERSAMPLING))
        pen.line((curve * OVERSAMPLING).ravel().tolist(), fill=int(255 * rng.uniform(opaque, 1)), width=thickness)
        tint.line(curve.ravel().tolist(), fill=int(rng.integers(256)), width=2)
    alpha = np.asarray(cover.resize((size, size), Image.Resampling.BOX), np.float32) / 255
    mix = (np.asarray(hue, np.float32) / 255)[..., None]
    colour = (dark * (1 - mix) + pale * mix).astype(np.float32)
    return Thing(alpha, colour, np.ones(alpha.shape, bool))
