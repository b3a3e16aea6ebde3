"""Exercises of notebook 05, The detail capture decoder."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from numpy_vitmatte import reference
from numpy_vitmatte.teaching.verdict import Exercise

Array = NDArray[Any]


def conv(x: Array, weight: Array, stride: int, padding: int) -> Array:
    """Convolve without a bias: (H, W, in), (out, in, rows, columns) -> (H', W', out)."""
    return reference.conv(x, {"weight": weight}, stride, padding)


def fold(weight: Array, gamma: Array, beta: Array, mean: Array, variance: Array, epsilon: float) -> tuple[Array, Array]:
    """Put a batch norm into the convolution before it: (out, in, 3, 3), four times (out,) -> the same, (out,)."""
    scale = gamma / np.sqrt(variance + epsilon)
    return weight * scale[:, None, None, None], beta - mean * scale


def fusion_block(features: Array, detail: Array, weight: Array, bias: Array) -> Array:
    """Double, join, convolve: (h, w, C), (2 h, 2 w, D), (out, D + C, 3, 3), (out,) -> (2 h, 2 w, out)."""
    joined = np.concatenate([detail, reference.upsample2(features)], axis=-1)
    return reference.relu(reference.conv(joined, {"weight": weight, "bias": bias}, padding=1))


def receptive_field(sizes: Array, strides: Array) -> int:
    """Go back from one output through all convolutions."""
    side = 1
    for size, stride in zip(reversed(sizes), reversed(strides), strict=True):
        side = (side - 1) * stride + size
    return int(side)


def _image(generator: np.random.Generator) -> dict[str, Any]:
    rows, columns = generator.choice([[2, 3], [3, 2], [3, 4]])
    x = generator.standard_normal((6, 8, 2))
    weight = generator.standard_normal((3, 2, rows, columns))
    return {"x": x, "weight": weight, "stride": int(generator.integers(1, 3)), "padding": int(generator.integers(1, 3))}


def _norm(generator: np.random.Generator) -> dict[str, Any]:
    weight = generator.standard_normal((3, 3, 3, 3))
    gamma, beta, mean = generator.standard_normal((3, 3))
    variance = generator.uniform(0.1, 2, 3)
    return {"weight": weight, "gamma": gamma, "beta": beta, "mean": mean, "variance": variance, "epsilon": 0.1}


def _features(generator: np.random.Generator) -> dict[str, Any]:
    height, more = generator.integers(2, 5, 2)
    return {"x": generator.standard_normal((height, height + more, 2))}


def _pair(generator: np.random.Generator) -> dict[str, Any]:
    features, detail = generator.standard_normal((2, 3, 2)), generator.standard_normal((4, 6, 2))
    weight, bias = generator.standard_normal((5, 4, 3, 3)), generator.standard_normal(5)
    return {"features": features, "detail": detail, "weight": weight, "bias": bias}


def _stack(generator: np.random.Generator) -> dict[str, Any]:
    sizes, strides = generator.integers(2, 6, 4), generator.integers(1, 4, 4)
    strides[-1] = 2
    return {"sizes": sizes, "strides": strides}


EXERCISES = {
    "05.1": Exercise(conv, _image),
    "05.2": Exercise(fold, _norm),
    "05.3": Exercise(reference.upsample2, _features),
    "05.4": Exercise(fusion_block, _pair),
    "05.5": Exercise(receptive_field, _stack),
}
