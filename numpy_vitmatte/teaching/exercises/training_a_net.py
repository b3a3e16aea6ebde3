"""Exercises of notebook 09, Train a tiny matting net, in NumPy."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from numpy_vitmatte.teaching.verdict import Exercise
from numpy_vitmatte.training import losses
from numpy_vitmatte.training.optimizer import warmup_cosine

Array = NDArray[Any]


def region_l1(predicted: Array, truth: Array, region: Array) -> tuple[float, Array]:
    """Give the mean absolute error and its gradient: (H, W) three times -> number, (H, W)."""
    return losses.region_l1(predicted, truth, region)


def adamw_step(
    w: Array, gradient: Array, mean: Array, square: Array, step: int, rate: float, decay: float
) -> tuple[Array, Array, Array]:
    """Take one step of AdamW: the new weight and both averages."""
    first, second = 0.9, 0.99
    mean = first * mean + (1 - first) * gradient
    square = second * square + (1 - second) * gradient**2
    move = mean / (1 - first**step) / np.sqrt(square / (1 - second**step))
    return w * (1 - rate * decay) - rate * move, mean, square


def schedule(step: int, steps: int, warmup: int) -> float:
    """Give the learning rate as a part of its peak."""
    return warmup_cosine(step, steps, warmup)


def batch_statistics(x: Array) -> tuple[Array, Array]:
    """Give mean and variance of a batch: (B, H, W, C) -> (C,) twice."""
    return x.mean(axis=(0, 1, 2)), x.var(axis=(0, 1, 2))


def wrong_layer(gradients: Array, slopes: Array) -> int:
    """Find the layer whose gradients differ most, compared with their size: (layers, n) twice."""
    return int(np.argmax(np.abs(gradients - slopes).max(axis=1) / np.abs(slopes).max(axis=1)))


def _alphas(generator: np.random.Generator) -> dict[str, Any]:
    height, more = generator.integers(2, 5, 2)
    predicted, truth = generator.random((2, height, height + more))
    region = generator.random(truth.shape) < 0.5
    region[0, :2] = True, False
    return {"predicted": predicted, "truth": truth, "region": region}


def _step(generator: np.random.Generator) -> dict[str, Any]:
    w, gradient, mean = generator.standard_normal((3, 2, 3))
    return {
        "w": w,
        "gradient": gradient,
        "mean": mean,
        "square": generator.uniform(0.1, 1, (2, 3)),
        "step": int(generator.integers(2, 9)),
        "rate": 0.1,
        "decay": 0.5,
    }


def _moment(generator: np.random.Generator) -> dict[str, Any]:
    return {"step": int(generator.choice([1, 3, 30])), "steps": int(generator.integers(40, 90)), "warmup": 10}


def _batch(generator: np.random.Generator) -> dict[str, Any]:
    return {"x": 3 + generator.standard_normal((2, 3, int(generator.integers(3, 6)), 4))}


def _layers(generator: np.random.Generator) -> dict[str, Any]:
    """Draw slopes of layers of very different sizes, of which a small one has a wrong sign."""
    sizes = 10.0 ** np.array([1, -2, 3, -1, 2])
    slopes = sizes[:, None] * generator.uniform(0.5, 1, (5, 4)) * generator.choice([-1, 1], (5, 4))
    gradients = slopes * (1 + 1e-3 * generator.standard_normal(slopes.shape))
    gradients[int(generator.choice([1, 3])), 2] *= -1
    gradients[2, 0] = slopes[2, 0] * 1.01  # larger than the mistake, and only rounding for a layer of that size
    return {"gradients": gradients, "slopes": slopes}


EXERCISES = {
    "09.1": Exercise(region_l1, _alphas),
    "09.2": Exercise(adamw_step, _step),
    "09.3": Exercise(schedule, _moment),
    "09.4": Exercise(batch_statistics, _batch),
    "09.5": Exercise(wrong_layer, _layers),
}
