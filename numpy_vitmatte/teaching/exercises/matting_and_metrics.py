"""Exercises of notebook 06, The matting equation, trimaps, metrics."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from numpy_vitmatte.matting.metrics import alpha_errors
from numpy_vitmatte.teaching.verdict import Exercise

Array = NDArray[Any]


def alpha_from(i: Array, f: Array, b: Array) -> Array:
    """Project colors on the line between two others: (H, W, 3) three times -> (H, W)."""
    line = f - b
    return np.clip(((i - b) * line).sum(axis=-1) / (line**2).sum(axis=-1), 0, 1)


def sad_and_mse(alpha: Array, truth: Array, region: Array) -> tuple[float, float]:
    """Give two errors of the literature: (H, W) twice, bool (H, W)."""
    errors = alpha_errors(alpha, truth, region)
    return errors.sad, errors.mse


def trimap_of(alpha: Array, inside: float, outside: float) -> Array:
    """Make a trimap by exact distances: (H, W) -> (H, W) of 0, 128 and 255."""
    places = np.argwhere(np.ones(alpha.shape))
    apart = np.hypot(*(places[:, None] - places[None]).transpose(2, 0, 1))
    flat = alpha.reshape(-1)
    near_mixed_or_back = ((apart <= inside) & (flat < 1)).any(axis=1)
    near_mixed_or_front = ((apart <= outside) & (flat > 0)).any(axis=1)
    trimap = np.where(~near_mixed_or_back, 255, np.where(~near_mixed_or_front, 0, 128))
    return trimap.reshape(alpha.shape)


def foreground_color(i: Array, alpha: Array, b: Array) -> Array:
    """Solve the matting equation for F before a screen of one color: (H, W, 3), (H, W), (3,) -> (H, W, 3)."""
    share = alpha[..., None]
    return np.where(share > 0, (i - (1 - share) * b) / np.where(share > 0, share, 1), 0)


def lower_mse_and_higher_sad(truth: Array) -> tuple[bool, bool]:
    """Say what is asked for: both."""
    return True, True


def _colors(generator: np.random.Generator) -> dict[str, Any]:
    shape = (2, int(generator.integers(3, 6)), 3)
    f, b = generator.uniform(0.5, 1, shape), generator.uniform(0, 0.4, shape)
    share = generator.uniform(-0.3, 1.3, (*shape[:2], 1))  # some colors lie beyond the ends of the line
    share[0, 0] = 1.2
    return {"i": share * f + (1 - share) * b + 0.02 * generator.standard_normal(shape), "f": f, "b": b}


def _alphas(generator: np.random.Generator) -> dict[str, Any]:
    alpha, truth = generator.random((2, 3, 4))
    region = generator.random((3, 4)) < 0.5
    region[0, :2] = True, False
    return {"alpha": alpha, "truth": truth, "region": region}


def _disc(generator: np.random.Generator) -> dict[str, Any]:
    y, x = np.mgrid[:15, :17]
    away = np.hypot(y - generator.uniform(6, 8), x - generator.uniform(7, 9))
    alpha = np.clip(generator.uniform(4, 5) - away, 0, 1)
    return {"alpha": alpha, "inside": 1.5, "outside": float(generator.choice([2.0, 2.5]))}


def _screen(generator: np.random.Generator) -> dict[str, Any]:
    alpha = generator.uniform(0.2, 1, (3, 4))
    alpha[0, 1] = 0
    f, b = generator.random((3, 4, 3)), generator.random(3)
    return {"i": alpha[..., None] * f + (1 - alpha[..., None]) * b, "alpha": alpha, "b": b}


def _truth(generator: np.random.Generator) -> dict[str, Any]:
    return {"truth": generator.random((4, int(generator.integers(4, 7))))}


EXERCISES = {
    "06.1": Exercise(alpha_from, _colors),
    "06.2": Exercise(sad_and_mse, _alphas),
    "06.3": Exercise(trimap_of, _disc),
    "06.4": Exercise(foreground_color, _screen),
    "06.5": Exercise(lower_mse_and_higher_sad, _truth),
}
