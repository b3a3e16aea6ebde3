"""Pictures as photographs are: a thing and what lies behind it under one light, and a trimap painted by hand."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from .colours import make_alike
from .compose import SOLID_WITHIN, Sample, photograph
from .cords import cords
from .hair import hair
from .light import Light, blurred, cast_shadow, lit, random_light, uneven
from .material import Material
from .mesh import mesh
from .parts import limb, parts
from .plant import plant
from .plush import plush
from .strokes import hand_painted
from .surfaces import busy_crop, calm_crop, paint, surface
from .thing import Thing

SCENES = {"parts": parts, "mesh": mesh, "plush": plush, "hair": hair, "plant": plant, "cords": cords}
SHARPLY_BORDERED = ("parts", "mesh", "plant", "cords")  # the others bring a soft border of their own
OUT_OF_FOCUS = 0.35  # of the sharply bordered things, by a blur of EDGE_BLUR pixels
EDGE_BLUR = (0.3, 2.5)

DEFOCUSED = 0.75  # of the backgrounds
BLUR = (1.0, 14.0)  # pixels
DECOYS = {"parts": 0.55, "mesh": 0.4}  # how often sharp things lie behind, right beside the border
OTHER_DECOYS = 0.25
SHADOW = 0.5  # of the pictures: the thing's own, on the background
ALIKE = 0.15  # of the pictures have both sides in similar colours
LINEAR_LIGHT = 0.4  # of the pictures are mixed before the tone curve, as a lens does
GAMMA = 2.2
TRIES = 20


def make_scene(seed: int | list[int], size: int, material: Material, kind: str) -> Sample:
    """The sample of this kind, one of `SCENES`, that belongs to `seed`."""
    rng = np.random.default_rng(seed)
    for _ in range(TRIES):
        light = random_light(rng)
        thing = SCENES[kind](rng, size, material, light)
        alpha = thing.alpha
        if kind in SHARPLY_BORDERED and rng.random() < OUT_OF_FOCUS:
            alpha = ndimage.gaussian_filter(alpha, float(np.exp(rng.uniform(*np.log(EDGE_BLUR)))))
        alpha = settled(alpha)
        trimap = hand_painted(rng, alpha, thing.unnamed)
        if worth_solving(alpha, trimap):
            break
    background = backdrop(rng, size, material)
    if rng.random() < DECOYS.get(kind, OTHER_DECOYS):
        background = with_decoys(rng, background, alpha, material, light)
    if rng.random() < SHADOW:
        background = background * cast_shadow(rng, alpha, light)[..., None]
    image = photograph(rng, mixed(rng, Thing(alpha, thing.colour, thing.unnamed), background))
    return Sample(np.array(image), np.rint(alpha * 255).astype(np.uint8), trimap, kind)


def worth_solving(alpha: np.ndarray, trimap: np.ndarray) -> bool:
    """Something to decide and both sides present; a net or a thread may have no known foreground at all."""
    return bool(0.03 < (trimap == 128).mean() < 0.97 and 0.02 < alpha.mean() < 0.97 and alpha.std() > 0.05)


def settled(alpha: np.ndarray) -> np.ndarray:
    """Nearly solid values become solid."""
    return np.where(alpha < SOLID_WITHIN, 0, np.where(alpha > 1 - SOLID_WITHIN, 1, alpha)).astype(np.float32)


def mixed(rng: np.random.Generator, thing: Thing, background: np.ndarray) -> np.ndarray:
    """Both sides under the same uneven light, laid over each other."""
    foreground = make_alike(rng, thing.colour, background) if rng.random() < ALIKE else thing.colour
    falloff = uneven(rng, len(background))[..., None] * (rng.uniform(0.4, 1) if rng.random() < 0.25 else 1)
    foreground, background = (np.clip(side * falloff, 0, 1) for side in (foreground, background))
    cover, gamma = thing.alpha[..., None], GAMMA if rng.random() < LINEAR_LIGHT else 1
    return (cover * foreground**gamma + (1 - cover) * background**gamma) ** (1 / gamma)


def backdrop(rng: np.random.Generator, size: int, material: Material) -> np.ndarray:
    """A photo, a wall or a print; three quarters out of focus."""
    kinds = (busy_crop, calm_crop, paint, surface)
    background = kinds[rng.choice(4, p=[0.5, 0.25, 0.1, 0.15])](rng, size, material)
    return blurred(background, rng.uniform(*BLUR)) if rng.random() < DEFOCUSED else background


def with_decoys(
    rng: np.random.Generator, background: np.ndarray, alpha: np.ndarray, material: Material, light: Light
) -> np.ndarray:
    """One to four things behind, sharp or nearly so, that begin where the border is."""
    for _ in range(rng.integers(1, 5)):
        cover = limb(rng, len(alpha), alpha, material)
        colour = lit(rng, surface(rng, len(alpha), material), cover, light)
        if rng.random() < 0.4:
            cover = blurred(cover, rng.uniform(0.5, 4))
        background = background + (colour - background) * cover[..., None]
    return background
