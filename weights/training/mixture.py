"""What the network is trained on: pictures of `compose`, of `scenes`, some drawn larger and scaled down."""

from __future__ import annotations

import numpy as np
from PIL import Image

from .compose import Sample, make_sample
from .material import Material
from .scenes import make_scene
from .validation_set import RARE_KINDS

SHARES = {"parts": 0.17, "mesh": 0.18, "plush": 0.09, "hair": 0.03, "plant": 0.07, "cords": 0.05}
"""Of each kind of scene; the rest is drawn by `compose.make_sample`."""

RARE_SHARE = 0.14
"""Of the pictures show one of `RARE_KINDS`, which `compose` alone draws seldom: what is half transparent is soon lost
among the scenes, of which nearly all are opaque."""

LARGE = 640
"""From this side on scenes are a third as frequent: wide unknown regions of `compose` are what few crops show."""

FINER = 0.25  # of the pictures are drawn larger and scaled down: finer, sharper structure
FINER_BY = 1.5


def draw_sample(seed: list[int], size: int, material: Material) -> Sample:
    """The training picture that belongs to `seed`, size x size pixels."""
    choice = np.random.default_rng([*seed, 1])  # beside the picture's own numbers, which stay those of `compose`
    finer = choice.random() < FINER
    side = round(size * FINER_BY / 2) * 2 if finer else size
    kinds = list(SHARES)
    shares = np.array(list(SHARES.values())) / (3 if size >= LARGE else 1)
    rest = 1 - shares.sum() - RARE_SHARE
    kind = choice.choice([*kinds, "rare", "compose"], p=[*shares, RARE_SHARE, rest])
    if kind in SHARES:
        sample = make_scene(seed, side, material, kind)
    else:
        sample = make_sample(seed, side, material, choice.choice(RARE_KINDS) if kind == "rare" else None)
    return scaled_down(sample, size) if finer else sample


def scaled_down(sample: Sample, size: int) -> Sample:
    """Area averages; known stays what is known throughout a new pixel, and is what its alpha says."""
    image, alpha, drawn = (
        np.array(Image.fromarray(field).resize((size, size), Image.Resampling.BOX))
        for field in (sample.image, sample.alpha, sample.trimap)
    )
    right = ((drawn == 0) & (alpha == 0)) | ((drawn == 255) & (alpha == 255))
    return Sample(image, alpha, np.where(right, drawn, 128).astype(np.uint8), sample.kind)
