"""Fur and fabric whose border fades over some pixels, streaked outwards: soft toys, felt, wool, animals."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from .canvas import smooth_noise
from .light import Light, lit
from .material import Material
from .parts import body, parts
from .surfaces import paint, surface
from .thing import Thing

FADE = (3, 35)  # pixels from solid to clear
MANY_COLOURED = 0.5  # have a body of several parts
CLUMPS = (1.2, 14)  # pixels along the border, from single hairs to tufts
SWIRL = 0.6  # how far a hair drifts aside, of its distance from the border


def plush(rng: np.random.Generator, size: int, material: Material, light: Light) -> Thing:
    """A body with a soft border. Hair that stands out has the colour of where it grows, often lit from behind."""
    base = parts(rng, size, material, light) if rng.random() < MANY_COLOURED else simple(rng, size, material, light)
    inside = base.alpha > 0.5
    if not inside.any() or inside.all():
        return base
    fade = float(np.exp(rng.uniform(*np.log(FADE))))
    outwards, roots = ndimage.distance_transform_edt(~inside, return_indices=True)
    signed = outwards - ndimage.distance_transform_edt(inside) * ~(outwards > 0)
    strands = streaks_along(rng, roots, signed)
    alpha = soft_border(rng, signed / fade, strands)
    combed = inwards(rng, roots, signed, fade)
    towards_tips = np.clip(signed / fade + 0.5, 0, 1)
    brightness = (
        1 + rng.uniform(0.1, 0.5) * strands * (0.3 + 0.7 * towards_tips) + rng.uniform(-0.2, 0.7) * towards_tips
    )
    colour = np.clip(base.colour[combed] * brightness[..., None], 0, 1)
    return Thing(alpha, colour.astype(np.float32), base.unnamed[combed])


def simple(rng: np.random.Generator, size: int, material: Material, light: Light) -> Thing:
    """A body of one surface."""
    alpha = body(rng, size, material)
    coat = (paint if rng.random() < 0.4 else surface)(rng, size, material)
    return Thing(alpha, lit(rng, coat, alpha, light), np.zeros(alpha.shape, bool))


def streaks_along(rng: np.random.Generator, roots: np.ndarray, signed: np.ndarray) -> np.ndarray:
    """Noise (H, W), about 0, that is constant along the way out of the body: every pixel takes its root's value."""
    size = signed.shape[0]
    fine, coarse = smooth_noise(rng, size, CLUMPS[0]), smooth_noise(rng, size, rng.uniform(3, CLUMPS[1]))
    aside = SWIRL * smooth_noise(rng, size, 40) * np.clip(signed, 0, None)
    rows, columns = (
        np.clip(np.rint(axis + aside * sign), 0, size - 1).astype(int)
        for axis, sign in zip(roots, (1, -1), strict=True)
    )
    mix = rng.uniform(0.2, 0.8)
    return mix * fine[rows, columns] + (1 - mix) * coarse[rows, columns]


def soft_border(rng: np.random.Generator, reach: np.ndarray, strands: np.ndarray) -> np.ndarray:
    """Alpha from 1 at reach -0.5 to 0 at 0.5, each strand shifted by its own length, thinned out towards the tips."""
    ragged, thin = rng.uniform(0.05, 0.5), rng.uniform(0.8, 2.0)
    alpha = np.clip(0.5 - reach + ragged * strands * np.clip(reach + 0.5, 0, 1), 0, 1)
    return (alpha**thin).astype(np.float32)


def inwards(
    rng: np.random.Generator, roots: np.ndarray, signed: np.ndarray, fade: float
) -> tuple[np.ndarray, np.ndarray]:
    """Row and column whose colour each pixel has: outside, the root's, some pixels further in."""
    slope_y, slope_x = np.gradient(ndimage.gaussian_filter(signed.astype(np.float32), 3))
    deeper = (1 + 0.3 * fade) * (signed > -1)
    rows, columns = (
        np.clip(np.rint(axis - deeper * slope + rng.normal(0, 0.4, signed.shape)), 0, len(signed) - 1).astype(int)
        for axis, slope in zip(roots, (slope_y, slope_x), strict=True)
    )
    outside = signed > -1
    own_rows, own_columns = np.indices(signed.shape)
    return np.where(outside, rows, own_rows), np.where(outside, columns, own_columns)
