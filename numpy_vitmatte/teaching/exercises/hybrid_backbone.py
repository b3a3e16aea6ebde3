"""Exercises of notebook 04, The hybrid backbone and its cost."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from numpy_vitmatte import reference
from numpy_vitmatte.teaching.verdict import Exercise

Array = NDArray[Any]


def layer_norm(x: Array, weight: Array, bias: Array, epsilon: float) -> Array:
    """Normalize over the channels: (h, w, C), (C,), (C,) -> (h, w, C)."""
    return reference.layer_norm(x, {"weight": weight, "bias": bias}, epsilon)


def block_flops(rows: int, columns: int, channels: int, window: int) -> int:
    """Count the operations of a block; ``window`` 0 looks everywhere."""
    tokens = filled = keys = rows * columns
    if window:
        filled = -(-rows // window) * -(-columns // window) * window**2
        keys = window**2
    return 2 * (4 * filled * channels**2 + 8 * tokens * channels**2 + 2 * filled * keys * channels)


def merge(m1: Array, s1: Array, a1: Array, m2: Array, s2: Array, a2: Array) -> Array:
    """Join two parts of an online softmax: (N,), (N,), (N, d) twice -> (N, d)."""
    largest = np.maximum(m1, m2)
    first, second = s1 * np.exp(m1 - largest), s2 * np.exp(m2 - largest)
    return (first[:, None] * a1 + second[:, None] * a2) / (first + second)[:, None]


def equal_tokens(channels: int) -> int:
    """Solve 2 N N C = 12 N C C for N."""
    return 6 * channels


def neck_parameters(channels: int) -> int:
    """Count the parameters of a neck."""
    inside = channels // 2
    return 2 * channels * inside + 9 * inside**2 + 2 * (inside + inside + channels)


def _tokens(generator: np.random.Generator) -> dict[str, Any]:
    channels = int(generator.integers(3, 7))
    x = generator.standard_normal((2, 3, channels))
    return {"x": 5 + x, "weight": 1 + x[0, 0], "bias": x[0, 1], "epsilon": 0.01}


def _grid(generator: np.random.Generator) -> dict[str, Any]:
    rows, more = generator.integers(9, 40, 2)
    window = int(generator.choice([0, 7]))
    return {"rows": 7 * int(rows) + 1, "columns": int(7 * (rows + more) + 2), "channels": 64, "window": window}


def _parts(generator: np.random.Generator) -> dict[str, Any]:
    m1, m2 = 800 + generator.standard_normal((2, 3))
    s1, s2 = generator.uniform(1, 5, (2, 3))
    a1, a2 = generator.standard_normal((2, 3, 2))
    return {"m1": m1, "s1": s1, "a1": a1, "m2": m2, "s2": s2, "a2": a2}


def _channels(generator: np.random.Generator) -> dict[str, Any]:
    return {"channels": 64 * int(generator.integers(1, 16))}


EXERCISES = {
    "04.1": Exercise(layer_norm, _tokens),
    "04.2": Exercise(block_flops, _grid),
    "04.3": Exercise(merge, _parts),
    "04.4": Exercise(equal_tokens, _channels),
    "04.5": Exercise(neck_parameters, _channels),
}
