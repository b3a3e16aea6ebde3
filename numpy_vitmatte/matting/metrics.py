"""The four errors of the matting literature, SAD, MSE, Grad and Conn, and MAD, in the units of its tables.

They were proposed by Rhemann et al. (CVPR 2009); the numbers in papers come from the MATLAB code that Xu et al.
published with Deep Image Matting (CVPR 2017), which is followed here:

====  ======================================================  ===================
SAD   sum of abs(p - g)                                       thousands of pixels
MSE   mean of (p - g)**2                                      thousandths
MAD   mean of abs(p - g)                                      thousandths
Grad  sum of (abs(grad p) - abs(grad g))**2, Gaussian of 1.4  thousands
Conn  sum of abs(phi(p) - phi(g)), steps of 0.1               thousands
====  ======================================================  ===================

``p`` is the alpha to be judged, ``g`` the true one, both in [0, 1]. Sums and means go over a region: Composition-1k is
scored where the trimap is unknown, Distinctions-646 over the whole image. Say which with every number.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numpy_vitmatte.errors import ImageError
from numpy_vitmatte.matting.components import largest_component

Alpha = NDArray[np.floating[Any]]
Region = NDArray[np.bool_]

GRADIENT_SIGMA = 1.4
CONNECTIVITY_STEP = 0.1
CONNECTIVITY_TOLERANCE = 0.15
"""A pixel this little above the level at which it is connected counts as fully connected."""


@dataclass(frozen=True)
class AlphaErrors:
    """The errors of one alpha; see the table above for units."""

    sad: float
    mse: float
    mad: float
    grad: float
    conn: float


def alpha_errors(alpha: Alpha, truth: Alpha, region: Region | None = None) -> AlphaErrors:
    """Compute all errors of an alpha.

    Parameters
    ----------
    alpha, truth : (H, W) float arrays
        In [0, 1].
    region : (H, W) bool array, optional
        Pixels that count, usually ``trimap == 128``; by default all. Gradients near its border see pixels outside it.

    Returns
    -------
    AlphaErrors

    Raises
    ------
    ImageError
        If shapes differ, values are not in [0, 1], or the region is empty.
    """
    p, g = _checked(alpha, "alpha"), _checked(truth, "true alpha")
    counted = np.ones(p.shape, bool) if region is None else np.asarray(region, bool)
    if not p.shape == g.shape == counted.shape:
        raise ImageError(f"alpha, true alpha and region have shapes {p.shape}, {g.shape} and {counted.shape}")
    if not counted.any():
        raise ImageError("the region is empty: not one pixel is to be scored")
    difference = (p - g)[counted]
    return AlphaErrors(
        sad=float(np.abs(difference).sum()) / 1000,
        mse=float((difference**2).mean()) * 1000,
        mad=float(np.abs(difference).mean()) * 1000,
        grad=float(((_gradient_magnitude(p) - _gradient_magnitude(g))[counted] ** 2).sum()) / 1000,
        conn=float(_connectivity_difference(p, g)[counted].sum()) / 1000,
    )


def _checked(alpha: Alpha, name: str) -> NDArray[np.float64]:
    values = np.asarray(alpha, np.float64)
    if values.ndim != 2 or not (np.isfinite(values).all() and values.min() >= 0 and values.max() <= 1):
        raise ImageError(f"{name} must be of shape (height, width) with values in [0, 1], found {values.shape}")
    return values


def _stretched(alpha: NDArray[np.float64]) -> NDArray[np.float64]:
    """Stretch as MATLAB's ``mat2gray`` does: from the smallest to the largest value; what is constant stays."""
    low, high = alpha.min(), alpha.max()
    return (alpha - low) / (high - low) if high > low else alpha


def _gradient_magnitude(alpha: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the length of the gradient by a Gaussian's first derivative; edges repeated, filter of unit L2 norm."""
    sigma, smallest = GRADIENT_SIGMA, 1e-2
    half = math.ceil(sigma * math.sqrt(-2 * math.log(math.sqrt(2 * math.pi) * sigma * smallest)))  # 4: 9 taps
    x = np.arange(-half, half + 1)
    gauss = np.exp(-(x**2) / (2 * sigma**2)) / (sigma * math.sqrt(2 * math.pi))
    derivative = -x * gauss / sigma**2
    gauss, derivative = gauss / np.linalg.norm(gauss), derivative / np.linalg.norm(derivative)
    stretched = _stretched(alpha)
    along_x = _filtered(_filtered(stretched, gauss), derivative, axis=1)
    along_y = _filtered(_filtered(stretched, derivative), gauss, axis=1)
    return np.hypot(along_x, along_y)


def _filtered(values: NDArray[np.float64], taps: NDArray[np.float64], axis: int = 0) -> NDArray[np.float64]:
    """Convolve along one axis, edges repeated."""
    half = len(taps) // 2
    padded = np.pad(values.swapaxes(0, axis), ((half, half), (0, 0)), mode="edge")
    length = values.shape[axis]
    result = sum(tap * padded[len(taps) - 1 - k :][:length] for k, tap in enumerate(taps))
    return np.asarray(result).swapaxes(0, axis)


def _connectivity_difference(p: NDArray[np.float64], g: NDArray[np.float64]) -> NDArray[np.float64]:
    """Compute ``|phi(p) - phi(g)|`` of every pixel.

    The level of a pixel is the last threshold at which it still belongs to the largest connected part that both alphas
    have in common; ``phi = 1 - d`` where an alpha lies d >= 0.15 above that level, and 1 otherwise.
    """
    steps = round(1 / CONNECTIVITY_STEP)
    level = np.full(p.shape, -1.0)
    for step in range(1, steps + 1):
        threshold = step / steps
        omega = largest_component((p >= threshold) & (g >= threshold))
        level[(level == -1) & ~omega] = (step - 1) / steps
    level[level == -1] = 1

    def phi(alpha: NDArray[np.float64]) -> NDArray[np.float64]:
        distance = alpha - level
        return 1 - distance * (distance >= CONNECTIVITY_TOLERANCE)

    return np.abs(phi(p) - phi(g))
