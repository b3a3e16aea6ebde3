"""Objects made of several parts, each with a surface of its own: clothes, flags, toys, labels, patchwork.

In a photograph the known foreground shows some of an object's colours only. Here most parts after the first are
unnamed: they lie wholly in the unknown region and touch the known foreground along one side.
"""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from .canvas import draw, outline_at, place
from .compose import sprite
from .light import Light, blurred, lit
from .material import Material
from .strands import strand
from .surfaces import surface
from .thing import Thing, before

PARTS = (2, 6)
UNNAMED = 0.7  # of the parts after the first
IN_FRONT = 0.5  # of them before what is there already
RENDERED = 0.22  # of the objects a render of the material with its own colours
CONTACT_SHADOW = (2, 9)  # pixels that a part's shadow reaches onto the part behind it


def parts(rng: np.random.Generator, size: int, material: Material, light: Light) -> Thing:
    """An object of `PARTS` parts, or a render of which one blob is named."""
    if material.sprites and rng.random() < RENDERED:
        return rendered(rng, size, material)
    first = body(rng, size, material)
    thing = part(rng, first, surface(rng, size, material), light, unnamed=False)
    for _ in range(rng.integers(PARTS[0], PARTS[1] + 1) - 1):
        added = limb(rng, size, thing.alpha, material)
        other = part(rng, added, surface(rng, size, material), light, rng.random() < UNNAMED)
        if rng.random() < IN_FRONT:
            thing = before(other, shaded(rng, thing, other.alpha))
        else:
            thing = before(thing, shaded(rng, other, thing.alpha))
    return thing


def part(rng: np.random.Generator, alpha: np.ndarray, albedo: np.ndarray, light: Light, unnamed: bool) -> Thing:
    """One part under the light."""
    return Thing(alpha, lit(rng, albedo, alpha, light), np.full(alpha.shape, unnamed))


def shaded(rng: np.random.Generator, behind: Thing, front: np.ndarray) -> Thing:
    """`behind` in the contact shadow of `front` (H, W)."""
    shadow = 1 - rng.uniform(0, 0.6) * blurred(front, rng.uniform(*CONTACT_SHADOW))
    return Thing(behind.alpha, behind.colour * shadow[..., None], behind.unnamed)


def rendered(rng: np.random.Generator, size: int, material: Material) -> Thing:
    """One or two RGBA pictures; everything outside a blob in them is unnamed."""
    thing = None
    for _ in range(rng.integers(1, 3)):
        alpha, colour = sprite(rng, size, material)
        inside = np.argwhere(alpha > 0.9)
        y, x = inside[rng.integers(len(inside))] if len(inside) else (size // 2, size // 2)
        blob = draw_outline(rng, size, np.array([x, y]), rng.uniform(0.08, 0.3) * size) > 0.5
        other = Thing(alpha, colour, ~blob)
        thing = other if thing is None else before(other, thing)
    return thing


def body(rng: np.random.Generator, size: int, material: Material) -> np.ndarray:
    """The first part: an outline, or a mask of the material made solid, about the middle of the picture."""
    if material.masks and rng.random() < 0.25:
        mask = Image.fromarray(material.masks[rng.integers(len(material.masks))])
        return np.clip(np.asarray(place(rng, mask, size, (0.6, 1.5)), np.float32) / 128 - 0.25, 0, 1)
    return draw_outline(rng, size, rng.uniform(0.25, 0.75, 2) * size, rng.uniform(0.15, 0.45) * size)


def limb(rng: np.random.Generator, size: int, present: np.ndarray, material: Material) -> np.ndarray:
    """A further part that begins at the border of what is present: a blob, a sheet, an arm, or a mask."""
    border = np.argwhere((present > 0.5) & (blurred(present, 4) < 0.9))
    y, x = border[rng.integers(len(border))] if len(border) else rng.uniform(0.2, 0.8, 2) * size
    center, reach = np.array([x, y]) + rng.normal(0, 0.06, 2) * size, rng.uniform(0.06, 0.3) * size
    form = rng.random()
    if form < 0.4:
        return draw_outline(rng, size, center, reach)
    if form < 0.7:
        return sheet(rng, size, center, reach)
    return arm(rng, size, center, reach)


def draw_outline(rng: np.random.Generator, size: int, center: np.ndarray, radius: float) -> np.ndarray:
    """A filled outline of `canvas.outline_at`."""
    return draw(size, lambda pen, n: pen.polygon(outline_at(rng, center * n / size, radius * n / size), fill=255))


def sheet(rng: np.random.Generator, size: int, center: np.ndarray, reach: float) -> np.ndarray:
    """A crooked rectangle: a flag, a label, a sleeve."""
    turn, wide = rng.uniform(0, np.pi), rng.uniform(0.4, 2.2)
    corners = np.array([[-wide, -1], [wide, -1], [wide, 1], [-wide, 1]]) + rng.normal(0, 0.15, (4, 2))
    spin = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    points = center + corners @ spin.T * reach * 0.7

    def paint(pen: ImageDraw.ImageDraw, n: int) -> None:
        pen.polygon([tuple(p) for p in points * n / size], fill=255)

    return draw(size, paint)


def arm(rng: np.random.Generator, size: int, center: np.ndarray, reach: float) -> np.ndarray:
    """A bent band of even width with round ends: an arm, a strap, a handle."""
    points = strand(rng, center, rng.uniform(0, 2 * np.pi), reach * rng.uniform(1.5, 4), rng.normal(0, 1.2))
    width = rng.uniform(0.02, 0.12) * size

    def paint(pen: ImageDraw.ImageDraw, n: int) -> None:
        scaled, half = points * n / size, width * n / size / 2
        pen.line([tuple(p) for p in scaled], fill=255, width=max(1, round(2 * half)), joint="curve")
        for x, y in scaled[[0, -1]]:
            pen.ellipse([x - half, y - half, x + half, y + half], fill=255)

    return draw(size, paint)
