"""The mean absolute bands of a Laplacian pyramid, with the gradient: Burt and Adelson 1983 (IEEE TCOM 31).

A band is the difference between an image and its half size doubled. Halving and doubling are matrices on either side
of an image, so that their gradients are the transposed matrices.
"""

import functools
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from numpy_vitmatte.reference import linear_resize

Array = NDArray[np.floating]


def pyramid_l1(image: Array, levels: int, doubling: Callable[[int], NDArray[np.float64]]) -> tuple[float, Array]:
    """Return the finest band's mean absolute value, plus twice that of the half size's pyramid, and so on.

    Parameters
    ----------
    image : float array (..., H, W)
        An error, for a loss: a pyramid is linear, so the difference of two pyramids is that of the difference.
    levels : int
        Number of bands. Every image that is halved must be at least 3 pixels high and wide.
    doubling : function
        :func:`zeros_between` or :func:`bilinear`.

    Returns
    -------
    value : float
        The sum over levels l = 0, 1, ... of 2^l times the band's mean absolute value.
    gradient : float array (..., H, W)
        By ``image``.
    """
    if levels == 0:
        return 0.0, np.zeros_like(image)  # the smallest image is no band
    (rows, halve_rows), (columns, halve_columns) = (_both(doubling, side, image.dtype) for side in image.shape[-2:])
    kept = np.s_[..., : len(rows), : len(columns)]
    half = halve_rows @ image[kept] @ halve_columns.T
    value, dband = _mean_l1(image[kept] - rows @ half @ columns.T)
    coarser, dhalf = pyramid_l1(half, levels - 1, doubling)
    dhalf = 2 * dhalf - rows.T @ dband @ columns
    gradient = np.zeros_like(image)
    gradient[kept] = dband + halve_rows.T @ dhalf @ halve_columns
    return value + 2 * coarser, gradient


def _mean_l1(image: Array) -> tuple[float, Array]:
    """Return the mean absolute value of an array of any shape, and its gradient."""
    return float(np.abs(image).mean()), np.sign(image) / image.dtype.type(image.size)


def zeros_between(length: int) -> NDArray[np.float64]:
    """Return the matrix (kept, kept / 2) that doubles by zeros between the samples, twice as bright, and a blur.

    ``kept`` is the even part of ``length``: an odd last sample is left out of the pyramid.
    """
    return 2 * _blur(length - length % 2)[:, ::2]


def bilinear(length: int) -> NDArray[np.float64]:
    """Return the matrix (length, half) that doubles by linear interpolation, half-pixel centers, half rounded up."""
    return linear_resize(np.eye((length + 1) // 2), length)


@functools.lru_cache(maxsize=32)
def _both(doubling: Callable[[int], NDArray[np.float64]], length: int, dtype: np.dtype) -> tuple[Array, Array]:
    """Return the matrices that double, (kept, half), and halve, (half, kept), in the type of an image."""
    double = doubling(length)
    return double.astype(dtype), _halving(len(double)).astype(dtype)


def _halving(length: int) -> NDArray[np.float64]:
    """Return the matrix that blurs, then takes every second sample."""
    return _blur(length)[::2]


def _blur(length: int) -> NDArray[np.float64]:
    """Return the blur by (1 4 6 4 1) / 16, mirrored at the ends without repeating them."""
    mirrored = np.pad(np.eye(length), ((2, 2), (0, 0)), mode="reflect")
    blurred = [tap / 16 * mirrored[start : start + length] for start, tap in enumerate((1, 4, 6, 4, 1))]
    return np.sum(blurred, axis=0)
