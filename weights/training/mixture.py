"""What the network is trained on: pictures of `compose`, of `scenes`, some drawn larger and scaled down."""

from __future__ import annotations

import numpy as np
from PIL import Image

from .compose import Sample, make_sample
from .material import Material
from .scenes import make_scene

SHARES = {"parts": 0.12, "mesh": 0.10, "plush": 0.12, "hair": 0.08, "plant": 0.08, "cords": 0.06}
"""Of each kind of scene; the rest is drawn by `compose.make_sample`."""

FINER = 0.25  # of the pictures are drawn larger and scaled down: finer, sharper structure
FINER_BY = 1.5


def draw_sample(seed: list[int], size: int, material: Material) -> Sample:
    """The training picture that belongs to `seed`, size x size pixels."""
    choice = np.random.default_rng([*seed, 1])  # beside the picture's own numbers, which stay those of `compose`
    finer = choice.random() < FINER
    side = round(size * FINER_BY / 2) * 2 if finer else size
    kinds = list(SHARES)
    chances = [*SHARES.values(), 1 - sum(SHARES.values())]
    kind = choice.choice([*kinds, "compose"], p=chances)
    sample = make_sample(seed, side, material) if kind == "compose" else make_scene(seed, side, material, kind)
    return scaled_down(sample, size) if finer else sample


def scaled_down(sample: Sample, size: int) -> Sample:
    """Area averages; known stays what is known throughout a new pixel, and is what its alpha says."""
    image, alpha, drawn = (
        np.array(Image.fromarray(field).resize((size, size), Image.Resampling.BOX))
        for field in (sample.image, sample.alpha, sample.trimap)
    )
    right = ((drawn == 0) & (alpha == 0)) | ((drawn == 255) & (alpha == 255))
    return Sample(image, alpha, np.where(right, drawn, 128).astype(np.uint8), sample.kind)
