"""Exercises of notebook 02, Patches and positions."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from numpy_vitmatte.reference import cubic_resize, sample_positions
from numpy_vitmatte.teaching.verdict import Exercise

Array = NDArray[Any]


def patches(image: Array, side: int) -> Array:
    """Cut a picture: (H, W, c) -> (H / side, W / side, side * side * c)."""
    height, width, channels = image.shape
    cut = image.reshape(height // side, side, width // side, side, channels).swapaxes(1, 2)
    return cut.reshape(height // side, width // side, -1)


def unpatch(cut: Array, side: int) -> Array:
    """Put patches together again: (h, w, side * side * c) -> (h * side, w * side, c)."""
    rows, columns, _ = cut.shape
    return cut.reshape(rows, columns, side, side, -1).swapaxes(1, 2).reshape(rows * side, columns * side, -1)


def cubic_matrix(source: int, target: int) -> Array:
    """Give the matrix (target, source) of a bicubic resize along one axis."""
    return cubic_resize(np.eye(source), target)


def five_among_three() -> Array:
    """Give the centers of five samples among three."""
    return sample_positions(3, 5)


def same_tokens(shifts: Array) -> Array:
    """Say for each shift in pixels whether the same patches are cut: (n,) -> bool (n,)."""
    return shifts % 16 == 0


def _picture(generator: np.random.Generator) -> dict[str, Any]:
    side = int(generator.integers(2, 5))
    rows, more = generator.integers(2, 5, 2)
    return {"image": generator.random((rows * side, (rows + more) * side, 3)), "side": side}


def _cut(generator: np.random.Generator) -> dict[str, Any]:
    picture = _picture(generator)
    return {"cut": patches(**picture), "side": picture["side"]}


def _lengths(generator: np.random.Generator) -> dict[str, Any]:
    source = int(generator.integers(3, 9))
    return {"source": source, "target": source + int(generator.integers(1, 9))}


EXERCISES = {
    "02.1": Exercise(patches, _picture),
    "02.2": Exercise(unpatch, _cut),
    "02.3": Exercise(cubic_matrix, _lengths),
    "02.4": Exercise(five_among_three, lambda generator: {}),
    "02.5": Exercise(same_tokens, lambda generator: {"shifts": np.array([0, 4, 8, 16, 24, 32, 40, 48])}),
}
