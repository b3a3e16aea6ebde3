"""Exercises of notebook 08, Backwards, by hand."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from numpy_vitmatte import reference
from numpy_vitmatte import reference_backward as backward
from numpy_vitmatte.teaching.verdict import Exercise

Array = NDArray[Any]


def linear_backward(dy: Array, x: Array, weight: Array) -> tuple[Array, Array]:
    """Give the gradients by input and weight: (N, out), (N, in), (out, in) -> (N, in), (out, in)."""
    dx, dw = backward.linear_backward(dy, x, {"weight": weight})
    return dx, dw["weight"]


def layer_norm_backward(dy: Array, x: Array, weight: Array, epsilon: float) -> Array:
    """Give the gradient by the input: (N, C) twice, (C,) -> (N, C)."""
    w = {"weight": weight, "bias": np.zeros_like(weight)}
    return backward.layer_norm_backward(dy, x, w, epsilon)[0]


def conv_backward(dy: Array, weight: Array, stride: int, padding: int, height: int, width: int) -> Array:
    """Give the gradient by the input: (h', w', out), (out, in, kh, kw) -> (height, width, in)."""
    x = np.zeros((height, width, weight.shape[1]))
    return backward.conv_backward(dy, x, {"weight": weight}, stride, padding)[0]


def attention_backward(da: Array, q: Array, k: Array, v: Array) -> tuple[Array, Array, Array]:
    """Give the gradients by queries, keys and values of one head: (N, d) each."""
    scale = q.shape[1] ** -0.5
    score = q @ k.T * scale
    dscore = backward.softmax_backward(da @ v.T, score)
    return dscore @ k * scale, dscore.T @ q * scale, reference.softmax(score).T @ da


def _linear(generator: np.random.Generator) -> dict[str, Any]:
    count, inputs, outputs = 5, 3, int(generator.integers(4, 7))
    return {
        "dy": generator.standard_normal((count, outputs)),
        "x": generator.standard_normal((count, inputs)),
        "weight": generator.standard_normal((outputs, inputs)),
    }


def _scores(generator: np.random.Generator) -> dict[str, Any]:
    dy, x = generator.standard_normal((2, 3, int(generator.integers(3, 6))))
    return {"dy": dy, "x": x}


def _tokens(generator: np.random.Generator) -> dict[str, Any]:
    dy, x = generator.standard_normal((2, 3, int(generator.integers(4, 7))))
    return {"dy": dy, "x": 2 * x, "weight": 1 + 0.5 * generator.standard_normal(x.shape[1]), "epsilon": 1e-6}


def _convolution(generator: np.random.Generator) -> dict[str, Any]:
    stride, padding = int(generator.integers(1, 3)), 1
    height, width = 7, 9
    dy = generator.standard_normal(((height + 2 - 3) // stride + 1, (width + 2 - 3) // stride + 1, 2))
    weight = generator.standard_normal((2, 3, 3, 3))
    return {"dy": dy, "weight": weight, "stride": stride, "padding": padding, "height": height, "width": width}


def _head(generator: np.random.Generator) -> dict[str, Any]:
    da, q, k, v = generator.standard_normal((4, 5, int(generator.integers(3, 6))))
    return {"da": da, "q": q, "k": k, "v": v}


EXERCISES = {
    "08.1": Exercise(linear_backward, _linear),
    "08.2": Exercise(backward.softmax_backward, _scores),
    "08.3": Exercise(layer_norm_backward, _tokens),
    "08.4": Exercise(conv_backward, _convolution),
    "08.5": Exercise(attention_backward, _head),
}
