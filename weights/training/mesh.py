"""Nets, fences, baskets, lace and railings: cells of a few pixels, with a bright ridge along every thread.

Cells are drawn in their own coordinates (u, v), bent by perspective, a cylinder or a drape, at twice the size.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .canvas import smooth_noise
from .light import Light
from .material import Material
from .parts import body, draw_outline, parts
from .surfaces import paint, surface
from .thing import Thing, before
from .trimaps import depth

CELL = (4, 36)  # pixels
THREAD = (0.04, 0.18)  # half a thread's width, of a cell
THINNEST = 0.3  # half a thread's width in pixels
FRAME = (2, 22)  # pixels
WHOLE = 0.35  # of the meshes fill the picture
FRAMED = 0.6  # of the others have a frame
HUNG_ON_SOMETHING = 0.3
FAR_WALL = 0.4  # show a second, darker mesh behind
FINE = 2  # times the size

Field = np.ndarray
Pattern = Callable[[Field, Field], Field]


def mesh(rng: np.random.Generator, size: int, material: Material, light: Light) -> Thing:
    """A mesh, cut to an outline and framed or filling the picture, often with its own far wall."""
    cell = float(np.exp(rng.uniform(*np.log(CELL))))
    pattern, thread = PATTERNS[rng.integers(len(PATTERNS))], max(rng.uniform(*THREAD) * cell, THINNEST)
    coat = (paint if rng.random() < 0.8 else surface)(rng, size, material)
    thing = wall(rng, coat, pattern, cell, thread)
    if rng.random() < FAR_WALL:
        far = wall(rng, coat * rng.uniform(0.25, 0.8), pattern, cell * rng.uniform(0.7, 0.98), thread * 0.9)
        thing = before(thing, far)
    if rng.random() < WHOLE:
        return hung(rng, thing, material, light)
    outline = body(rng, size, material) if rng.random() < 0.5 else big_outline(rng, size)
    thing = Thing(thing.alpha * outline, thing.colour, thing.unnamed)
    if rng.random() < FRAMED:
        thing = before(frame(rng, outline, surface(rng, size, material), light), thing)
    return hung(rng, thing, material, light)


def hung(rng: np.random.Generator, thing: Thing, material: Material, light: Light) -> Thing:
    """The mesh alone, or before an object of parts."""
    if rng.random() > HUNG_ON_SOMETHING:
        return thing
    return before(thing, parts(rng, len(thing.alpha), material, light))


def big_outline(rng: np.random.Generator, size: int) -> np.ndarray:
    """An outline that fills most of the picture."""
    return draw_outline(rng, size, rng.uniform(0.35, 0.65, 2) * size, rng.uniform(0.3, 0.6) * size)


def frame(rng: np.random.Generator, outline: np.ndarray, coat: np.ndarray, light: Light) -> Thing:
    """The rim of the outline, round in section."""
    width, inside = rng.uniform(*FRAME), depth(outline > 0.5)
    ring = outline * np.clip(width - inside + 0.5, 0, 1)
    across = np.clip(inside / width, 0, 1)
    shade = light.ambient + (1 - light.ambient) * np.sin(np.pi * across) + 0.4 * (np.abs(across - 0.35) < 0.08)
    colour = np.clip(coat * shade[..., None] * light.tint, 0, 1)
    return Thing(ring.astype(np.float32), colour.astype(np.float32), np.full(ring.shape, rng.random() < 0.3))


def wall(rng: np.random.Generator, coat: np.ndarray, pattern: Pattern, cell: float, thread: float) -> Thing:
    """One layer of a mesh (H, W): its threads' coverage, shaded across each thread, matt to metallic."""
    size = coat.shape[0]
    u, v = bent(rng, size * FINE, cell * FINE)
    from_axis = pattern(u, v) * cell * FINE  # fine pixels
    half = thread * FINE * np.clip(1 + rng.uniform(0, 0.3) * smooth_noise(rng, size * FINE, 3 * cell * FINE), 0.4, 2)
    coverage = np.clip(half - from_axis + 0.5, 0, 1)
    across = np.clip(from_axis / half, 0, 1)
    shade = 1 - rng.uniform(0.1, 0.7) * across**2 + rng.uniform(-0.2, 0.2) * smooth_noise(rng, size * FINE, 40)
    ridge = float(rng.choice([0, 0.25, 0.8])) * np.exp(-((across / rng.uniform(0.2, 0.5)) ** 2))
    alpha, shade, ridge = (averaged(field, coverage) for field in (None, shade, ridge))
    colour = np.clip(coat * shade[..., None] + ridge[..., None], 0, 1)
    return Thing(alpha, colour.astype(np.float32), np.ones(alpha.shape, bool))


def averaged(field: Field | None, coverage: Field) -> Field:
    """Mean of FINE x FINE pixels: of the coverage itself, or of a field weighted by the coverage."""
    alpha = sum(coverage[i::FINE, j::FINE] for i in range(FINE) for j in range(FINE)) / FINE**2
    if field is None:
        return alpha
    weighted = field * coverage
    return sum(weighted[i::FINE, j::FINE] for i in range(FINE) for j in range(FINE)) / FINE**2 / np.maximum(alpha, 1e-3)


def bent(rng: np.random.Generator, n: int, cell: float) -> tuple[Field, Field]:
    """U and v (n, n) in cells: turned, stretched, seen in perspective or round a cylinder, and draped."""
    y, x = np.mgrid[-0.5 : 0.5 : n * 1j, -0.5 : 0.5 : n * 1j].astype(np.float32)
    turn, stretch = rng.uniform(0, np.pi), rng.uniform(0.6, 1.6)
    x, y = np.cos(turn) * x - np.sin(turn) * y, (np.sin(turn) * x + np.cos(turn) * y) * stretch
    view = rng.random()
    if view < 0.35:
        far = 1 + rng.uniform(-0.9, 0.9) * x + rng.uniform(-0.9, 0.9) * y
        x, y = x / np.maximum(far, 0.35), y / np.maximum(far, 0.35)
    elif view < 0.6:
        x = np.arcsin(np.clip(x * rng.uniform(1, 1.5), -0.98, 0.98)) * 0.7
    if rng.random() < 0.6:
        drape, swing = rng.uniform(0.1, 0.5) * n, rng.uniform(0.02, 0.12)
        x, y = (axis + swing * drape / n * smooth_noise(rng, n, drape) for axis in (x, y))
    if rng.random() < 0.35:  # hand-made: no cell is like the next
        x, y = (axis + 0.12 * cell / n * smooth_noise(rng, n, 1.3 * cell) for axis in (x, y))
    return x * n / cell + 300, y * n / cell + 300


def off_middle(u: Field) -> Field:
    """Distance from the middle of the cell, 0 to 0.5."""
    return np.abs(u - np.floor(u) - 0.5)


def squares(u: Field, v: Field) -> Field:
    """Distance in cells from the nearest line of a square grid."""
    return np.minimum(off_middle(u), off_middle(v))


def diamonds(u: Field, v: Field) -> Field:
    """A chain-link fence."""
    return squares((u + v) * 0.7071, (u - v) * 0.7071)


def bricks(u: Field, v: Field) -> Field:
    """Rows shifted by half a cell."""
    shifted = u + np.abs(np.floor(v) / 2 % 1)
    return np.minimum(off_middle(shifted), off_middle(v))


def hexagons(u: Field, v: Field) -> Field:
    """Chicken wire: centers lie on two rectangular grids; the nearer one's hexagon has its edge at 1 / 2."""
    tall = 3**0.5
    x, y = off_middle(u), tall * off_middle(v / tall)
    other_x, other_y = 0.5 - x, tall / 2 - y
    nearer = x**2 + y**2 < other_x**2 + other_y**2
    x, y = np.where(nearer, x, other_x), np.where(nearer, y, other_y)
    return 0.5 - np.maximum(x, x / 2 + y * tall / 2)


def rails(u: Field, v: Field) -> Field:
    """Bars one way, cross-bars now and then."""
    return np.minimum(off_middle(u), 6 * off_middle(v / 6))


def rings(u: Field, v: Field) -> Field:
    """Lace: touching rings."""
    return np.abs(np.sqrt(off_middle(u) ** 2 + off_middle(v) ** 2) - 0.46)


PATTERNS: tuple[Pattern, ...] = (squares, squares, diamonds, diamonds, bricks, hexagons, rails, rings)
