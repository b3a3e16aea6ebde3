"""A thing to cut out: its alpha, its lit colours, and what of it no stroke of known foreground reaches."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Thing:
    """alpha (H, W) and colour (H, W, 3) float32 in 0..1, straight; unnamed (H, W) bool: never known foreground."""

    alpha: np.ndarray
    colour: np.ndarray
    unnamed: np.ndarray


def before(front: Thing, back: Thing) -> Thing:
    """`front` laid over `back`; a pixel is unnamed where the one that shows is."""
    alpha = front.alpha + (1 - front.alpha) * back.alpha
    share = (front.alpha / np.maximum(alpha, 1e-6))[..., None]
    colour = share * front.colour + (1 - share) * back.colour
    return Thing(alpha, colour, np.where(front.alpha > 0, front.unnamed, back.unnamed))
