"""The guided filter: a small alpha becomes a large one whose edges follow the photo's.

In every window the filter takes the alpha to be linear in the color, ``alpha = a . color + b``, fits `a` and `b` to
the small alpha by ridge regression, and averages the fits of all windows that hold a pixel. The fits vary slowly, so
they are what is upsampled; the colors that they are applied to are the large photo's. Where the colors of subject and
background do not differ, or a hair is too thin for the small photo, no fit can bring it back: it is an approximation.

Sources: He, Sun and Tang, "Guided Image Filtering", ECCV 2010 and TPAMI 35 (2013), equations 16 to 18 for color
guides; He and Sun, "Fast Guided Filter", 2015 (arXiv:1505.00996), for fitting at low resolution.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from numpy_vitmatte.errors import ImageError

RADIUS = 2
"""Pixels of the small photo around a window's center: 5 x 5 pixels for the four numbers of a fit."""

EPSILON = 1e-4
"""Weight of the ridge penalty on `a`, for colors in [0, 1]: colors that vary by much less than a hundredth count as
one, and their alpha is averaged instead of fitted."""

_BAND_PIXELS = 1 << 20
"""Pixels of the large photo that are worked on at once, so that its maps of fits never exist as a whole."""

_FIT_PIXELS = 1 << 17
"""Pixels of the small photo whose fits are made at once, which takes some 500 bytes for each."""


def box_mean(values: NDArray[np.float64], radius: int) -> NDArray[np.float64]:
    """Average over the window around each pixel; at the borders over the part of it that lies inside.

    Running sums make the work independent of the radius. In float64 their rounding stays below 1e-11 of the largest
    value for any photo: a sum of 100 000 rows loses five of sixteen digits.

    Parameters
    ----------
    values : (H, W, ...) float64 array
    radius : int
        The window has ``2 * radius + 1`` pixels a side.

    Returns
    -------
    (H, W, ...) float64 array
    """
    for axis in (0, 1):
        length = values.shape[axis]
        first = np.maximum(np.arange(length) - radius, 0)
        behind = np.minimum(np.arange(length) + radius + 1, length)
        sums = np.zeros((length + 1, *np.delete(values.shape, axis)))
        np.cumsum(np.moveaxis(values, axis, 0), axis=0, out=sums[1:])
        counts = (behind - first).reshape(-1, *[1] * (values.ndim - 1))
        values = np.moveaxis((sums[behind] - sums[first]) / counts, 0, axis)
    return values


def linear_fits(
    guide: NDArray[np.float64], target: NDArray[np.float64], radius: int, epsilon: float
) -> NDArray[np.float64]:
    """Fit the target as a linear function of the guide in every window, and average the fits over each pixel's windows.

    Parameters
    ----------
    guide : (h, w, 3) float64 array
        Colors in [0, 1].
    target : (h, w) float64 array
    radius : int
        The windows' radius in pixels.
    epsilon : float
        Ridge penalty, above 0.

    Returns
    -------
    (h, w, 4) float64 array
        The weights of red, green and blue, and the constant.
    """
    mean, mean_target = box_mean(guide, radius), box_mean(target, radius)
    covariance = box_mean(guide[..., :, None] * guide[..., None, :], radius) - mean[..., :, None] * mean[..., None, :]
    with_target = box_mean(guide * target[..., None], radius) - mean * mean_target[..., None]
    covariance += epsilon * np.eye(3)
    weights = np.linalg.solve(covariance, with_target[..., None])[..., 0]
    constant = mean_target - np.sum(weights * mean, axis=-1)
    return box_mean(np.concatenate([weights, constant[..., None]], axis=-1), radius)


def upsample_alpha(
    alpha: NDArray[np.floating[Any]],
    small_photo: NDArray[Any],
    photo: NDArray[Any],
    radius: int = RADIUS,
    epsilon: float = EPSILON,
) -> NDArray[np.float32]:
    """Bring the alpha of a scaled-down photo to the photo's own size, along the photo's own edges.

    Parameters
    ----------
    alpha : (h, w) float array
        In [0, 1].
    small_photo : (h, w, 3) array
        The photo that it belongs to: `photo` scaled down. Levels from 0 to 255.
    photo : (H, W, 3) array
        Levels from 0 to 255.
    radius, epsilon
        See :func:`linear_fits`.

    Returns
    -------
    (H, W) float32 array
        In [0, 1].

    Raises
    ------
    ImageError
        If alpha and small photo differ in size.
    """
    if small_photo.shape != (*alpha.shape, 3):
        raise ImageError(
            f"small photo has shape {small_photo.shape}, its alpha {alpha.shape}; expected (H, W, 3) and (H, W)"
        )
    fits = _fits_in_bands(small_photo, alpha, radius, epsilon)
    height, width = photo.shape[:2]
    out = np.empty((height, width), np.float32)
    band = max(1, _BAND_PIXELS // width)
    for top in range(0, height, band):
        rows = np.arange(top, min(top + band, height))
        fit = _interpolated(_interpolated(fits, rows, height, 0), np.arange(width), width, 1)
        colors = photo[rows[0] : rows[-1] + 1] * np.float32(1 / 255)
        np.clip(np.einsum("ijc,ijc->ij", fit[..., :3], colors) + fit[..., 3], 0, 1, out=out[rows[0] : rows[-1] + 1])
    return out


def _fits_in_bands(
    photo: NDArray[Any], alpha: NDArray[np.floating[Any]], radius: int, epsilon: float
) -> NDArray[np.float32]:
    """(h, w, 3) levels and (h, w) alpha -> (h, w, 4) fits, a band of rows at a time."""
    height, width = alpha.shape
    fits = np.empty((height, width, 4), np.float32)
    band = max(1, _FIT_PIXELS // width)
    for top in range(0, height, band):
        # A row's fits average those of windows `radius` rows away, which reach as far again.
        first, last = max(0, top - 2 * radius), min(height, top + band + 2 * radius)
        found = linear_fits(photo[first:last] / 255.0, alpha[first:last].astype(np.float64), radius, epsilon)
        fits[top : top + band] = found[top - first : top - first + band]
    return fits


def _interpolated(small: NDArray[np.float32], places: NDArray[Any], length: int, axis: int) -> NDArray[np.float32]:
    """Interpolate linearly along an axis stretched to `length`, at some places; half-pixel centers, edges repeated."""
    last = small.shape[axis] - 1
    position = np.clip((places + 0.5) * (small.shape[axis] / length) - 0.5, 0, last)
    before = position.astype(np.intp)
    share = (position - before).astype(np.float32).reshape([-1 if a == axis else 1 for a in range(small.ndim)])
    near, far = np.take(small, before, axis), np.take(small, np.minimum(before + 1, last), axis)
    near += share * (far - near)
    return near
