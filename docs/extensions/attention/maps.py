"""Attention probabilities as bytes: a row is a unit vector once its square root is taken, so equal steps suit it.

A row of probabilities p becomes the whole numbers ``rint(s sqrt(p))``, and comes back as their squares divided by the
squares' sum. The page needs no scale ``s`` for that, so every row has the smallest one that is good enough.
"""

import zlib

import numpy as np
from numpy.typing import NDArray

TOLERANCE = 0.045
"""The share of a row's probability that may come back on another token."""

_FIRST_SCALE, _GROWTH = 2.0, 1.04


def encode(probabilities: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Turn rows of probabilities (..., N) into bytes of the same shape.

    Raises
    ------
    ValueError
        If a row needs more than 255 steps, as one that is no distribution does.
    """
    roots = np.sqrt(probabilities)
    levels = np.zeros(roots.shape, np.uint8)
    missing = np.ones(roots.shape[:-1], bool)
    scale = _FIRST_SCALE
    while missing.any():
        if scale > 255:
            raise ValueError("a row of probabilities needs more than 255 steps; is its sum 1?")
        rounded = np.rint(scale * roots[missing])
        good = (rounded.max(axis=-1) > 0) & (distance(decode(rounded), probabilities[missing]) <= TOLERANCE)
        places = np.argwhere(missing)[good]
        levels[tuple(places.T)] = rounded[good]
        missing[tuple(places.T)] = False
        scale *= _GROWTH
    return levels


def decode(levels: NDArray) -> NDArray[np.float64]:
    """Turn bytes (..., N) back into probabilities; every row has the sum 1."""
    squares = np.square(levels, dtype=np.float64)
    return squares / np.maximum(squares.sum(axis=-1, keepdims=True), 1)


def distance(one: NDArray, other: NDArray) -> NDArray[np.float64]:
    """Measure the share of the probability that lies elsewhere: half the sum of differences, (..., N) -> (...)."""
    return np.abs(one - other).sum(axis=-1) / 2


def packed(levels: NDArray[np.uint8]) -> bytes:
    """Compress bytes as the page's ``DecompressionStream("deflate")`` reads them."""
    return zlib.compress(levels.tobytes(), 9)
