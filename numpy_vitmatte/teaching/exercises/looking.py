"""Exercises of notebook 07, What does the network look at?"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from numpy_vitmatte import reference
from numpy_vitmatte.teaching.verdict import Exercise

Array = NDArray[Any]


def attention_map(probabilities: Array, s: int, row: int, column: int, height: int, width: int) -> Array:
    """Draw what a token of a window block looks at: (windows, s * s, s * s) -> (height, width)."""
    windows = np.zeros((len(probabilities), s, s, 1))
    number = row // s * (width // s) + column // s
    windows[number] = probabilities[number, row % s * s + column % s].reshape(s, s, 1)
    return reference.out_of_windows(windows, height, width)[..., 0]


def rollout(matrices: Array) -> Array:
    """Multiply what each block keeps and reads: (blocks, N, N) -> (N, N)."""
    total = np.eye(matrices.shape[1])
    for matrix in matrices:
        total = (np.eye(len(matrix)) + matrix) / 2 @ total
    return total


def received(probabilities: Array) -> Array:
    """Add up what each token receives: (heads, N, N) -> (N,)."""
    return probabilities.mean(axis=0).sum(axis=0)


def mean_distance(probabilities: Array, height: int, width: int) -> Array:
    """Give each head's mean distance in tokens: (heads, N, N) -> (heads,)."""
    y, x = (axis.reshape(-1) for axis in np.mgrid[:height, :width])
    apart = np.hypot(y[:, None] - y, x[:, None] - x)
    return (probabilities * apart).sum(axis=2).mean(axis=1)


def radius(values: Array, row: int, column: int, share: float) -> float:
    """Find the smallest circle that holds a share of a map's sum: (H, W) -> distance."""
    y, x = np.mgrid[: values.shape[0], : values.shape[1]]
    away = np.hypot(y - row, x - column)
    inside = [values[away <= one].sum() for one in np.unique(away)]
    return float(np.unique(away)[np.argmax(np.array(inside) >= share * values.sum())])


def _matrices(generator: np.random.Generator, count: int, size: int) -> Array:
    return reference.softmax(2 * generator.standard_normal((count, size, size)))


def _window_block(generator: np.random.Generator) -> dict[str, Any]:
    s = int(generator.integers(2, 4))
    height, width = 2 * s, 3 * s
    row, column = int(generator.integers(s, height)), int(generator.integers(0, s))
    return {
        "probabilities": _matrices(generator, 6, s * s),
        "s": s,
        "row": row,
        "column": column,
        "height": height,
        "width": width,
    }


def _blocks(generator: np.random.Generator) -> dict[str, Any]:
    return {"matrices": _matrices(generator, 3, 4)}


def _heads(generator: np.random.Generator) -> dict[str, Any]:
    return {"probabilities": _matrices(generator, 2, 5)}


def _heads_on_a_grid(generator: np.random.Generator) -> dict[str, Any]:
    height = int(generator.integers(2, 4))
    return {"probabilities": _matrices(generator, 2, height * (height + 1)), "height": height, "width": height + 1}


def _gradient(generator: np.random.Generator) -> dict[str, Any]:
    height, more = generator.integers(6, 10, 2)
    values = generator.uniform(0.1, 1, (height, height + more))
    return {"values": values, "row": 2, "column": 4, "share": float(generator.uniform(0.3, 0.8))}


EXERCISES = {
    "07.1": Exercise(attention_map, _window_block),
    "07.2": Exercise(rollout, _blocks),
    "07.3": Exercise(received, _heads),
    "07.4": Exercise(mean_distance, _heads_on_a_grid),
    "07.5": Exercise(radius, _gradient),
}
