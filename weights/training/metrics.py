"""SAD, MSE, Grad and Conn over the unknown region, as the Deep Image Matting evaluation defines them.

All take alphas (H, W) float in 0..1 and the mask of unknown pixels. SAD, Grad and Conn are in thousands.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage


def sad(predicted: np.ndarray, alpha: np.ndarray, unknown: np.ndarray) -> float:
    """Sum of absolute differences / 1000."""
    return float(np.abs(predicted - alpha)[unknown].sum() / 1000)


def mse(predicted: np.ndarray, alpha: np.ndarray, unknown: np.ndarray) -> float:
    """Mean of squared differences over the unknown pixels."""
    return float(((predicted - alpha)[unknown] ** 2).mean())


def grad(predicted: np.ndarray, alpha: np.ndarray, unknown: np.ndarray, sigma: float = 1.4) -> float:
    """Sum of squared differences of slope / 1000; slopes by a 9 x 9 derivative of Gaussian of unit length."""
    t = np.arange(-4, 5)
    bell = np.exp(-(t**2) / (2 * sigma**2)) / (sigma * np.sqrt(2 * np.pi))
    filter_x = np.outer(bell, -t * bell / sigma**2)
    filter_x /= np.sqrt((filter_x**2).sum())

    def slope(a: np.ndarray) -> np.ndarray:
        x = ndimage.convolve(a, filter_x, mode="nearest")
        y = ndimage.convolve(a, filter_x.T, mode="nearest")
        return np.hypot(x, y)

    return float(((slope(predicted) - slope(alpha))[unknown] ** 2).sum() / 1000)


def conn(predicted: np.ndarray, alpha: np.ndarray, unknown: np.ndarray, step: float = 0.1) -> float:
    """Sum of differences of connectedness / 1000: how far pixels rise above the level that joins them to the body."""
    left_at = np.full(alpha.shape, -1.0)
    for level in np.arange(step, 1 + step / 2, step):
        parts, count = ndimage.label((predicted >= level) & (alpha >= level))
        sizes = np.bincount(parts.ravel(), minlength=count + 1)[1:]
        body = parts == (1 + sizes.argmax()) if count else np.zeros(alpha.shape, bool)
        left_at[(left_at < 0) & ~body] = level - step
    left_at[left_at < 0] = 1

    def phi(a: np.ndarray) -> np.ndarray:
        distance = a - left_at
        return 1 - distance * (distance >= 0.15)

    return float(np.abs(phi(predicted) - phi(alpha))[unknown].sum() / 1000)


def all_metrics(predicted: np.ndarray, alpha: np.ndarray, trimap: np.ndarray) -> dict[str, float]:
    """The four numbers; known pixels of the prediction are set to what the trimap says, values cut to 0..1."""
    unknown = trimap == 128
    settled = np.where(unknown, np.clip(predicted, 0, 1), trimap / 255.0)
    return {f.__name__.upper(): f(settled, alpha, unknown) for f in (sad, mse, grad, conn)}
