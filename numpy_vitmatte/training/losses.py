"""Losses on predicted and true alpha, each with its gradient by the prediction.

The default, :func:`authors_loss`, is the criterion that ViTMatte was trained with (``MattingCriterion`` in
``modeling/criterion`` of hustvl/ViTMatte; the Laplacian pyramid as Hou and Liu 2019, arXiv:1909.09725). The bundled
vitmatte-tiny was trained with another one, :func:`recipe_loss`, whose docstring lists the differences.

Alphas are arrays (H, W) or, for several images at once, (B, H, W), of one float type, which the arithmetic and the
gradients keep. ``unknown`` is a boolean array of the same shape: True where the trimap does not know. An absolute value
has no slope at 0; it counts as 0, as in PyTorch.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from numpy_vitmatte.errors import VitMatteError
from numpy_vitmatte.runtime.threads import run_all
from numpy_vitmatte.training.pyramid import bilinear, pyramid_l1, zeros_between

Array = NDArray[np.floating]
Mask = NDArray[np.bool_]

SLOPE_PRICE = 0.01
"""Weight of the slope itself, compared with an error of the slope."""

RECIPE_WEIGHTS = {"unknown": 0.5, "known": 0.25, "laplacian": 0.5, "gradient": 0.5, "squared": 8.0}

_AUTHORS_LEVELS, _RECIPE_LEVELS = 5, 4


class Loss(NamedTuple):
    """A loss, its gradient and its parts.

    Parameters
    ----------
    value : float
    gradient : float array
        The gradient by the predicted alpha, of its shape.
    parts : dict of str to float
        ``unknown``, ``known``, ``laplacian``, ``gradient`` and, in the recipe, ``squared``, before they are weighted.
    """

    value: float
    gradient: Array
    parts: dict[str, float]


# --- the authors' ----------------------------------------------------------------------------------------------------


def authors_loss(predicted: Array, alpha: Array, unknown: Mask) -> Loss:
    """Return the sum of the four losses below, with which the authors train.

    Their code scales three of the four by 262144 over the unknown (or known) pixels, which gives means over these
    pixels for crops of 512 x 512, the only ones they use. Here they are means for every size.

    Parameters
    ----------
    predicted, alpha : float array (H, W) or (B, H, W)
        At least 64 pixels high and wide.
    unknown : bool array of their shape

    Returns
    -------
    Loss

    Raises
    ------
    VitMatteError
        If the arrays are smaller than that.
    """
    parts = _at_once(
        unknown=lambda: region_l1(predicted, alpha, unknown),
        known=lambda: region_l1(predicted, alpha, ~unknown),
        laplacian=lambda: laplacian(predicted, alpha),
        gradient=lambda: gradient_penalty(predicted, alpha, unknown),
    )
    return _weighted(parts, dict.fromkeys(parts, 1.0))


def region_l1(predicted: Array, alpha: Array, region: Mask) -> tuple[float, Array]:
    """Return the mean absolute error over a region; 0 if it is empty.

    These are the authors' unknown and known L1 losses, for the region and for the rest.

    Parameters
    ----------
    predicted, alpha : float array
    region : bool array

    Returns
    -------
    value : float
    gradient : float array
        By ``predicted``.
    """
    return _region_l1(predicted, alpha, region, int(np.count_nonzero(region)))


def laplacian(predicted: Array, alpha: Array) -> tuple[float, Array]:
    """Return the mean absolute differences of Laplacian pyramids of 5 levels, level l weighted 2^l / 5.

    Each level is the difference between an image and its half size doubled: blurred by (1 4 6 4 1) / 16 both ways,
    every second pixel, then zeros between, four times as bright, blurred again. Edges are mirrored; an odd last row or
    column is cut off. All of it is linear, so one pyramid of the error is enough.

    Parameters
    ----------
    predicted, alpha : float array (H, W) or (B, H, W)
        At least 64 pixels high and wide.

    Returns
    -------
    value : float
    gradient : float array
        By ``predicted``.

    Raises
    ------
    VitMatteError
        If the arrays are smaller than that.
    """
    error = predicted - alpha
    smallest = 4 * 2 ** (_AUTHORS_LEVELS - 1)  # the smallest level is blurred as well: 4 pixels, mirrored by 2
    if min(error.shape[-2:]) < smallest:
        raise VitMatteError(
            f"alphas of {error.shape[-2]}x{error.shape[-1]} pixels are too small for a Laplacian pyramid of "
            f"{_AUTHORS_LEVELS} levels; use at least {smallest}x{smallest}"
        )
    value, gradient = pyramid_l1(error, _AUTHORS_LEVELS, zeros_between)
    return value / _AUTHORS_LEVELS, gradient / error.dtype.type(_AUTHORS_LEVELS)


def gradient_penalty(predicted: Array, alpha: Array, unknown: Mask) -> tuple[float, Array]:
    """Return the mean absolute error of the slopes over the unknown pixels, plus 0.01 times the predicted slope.

    Slopes are Sobel's, across and down, of the alphas with zeros around. The result is 0 if nothing is unknown.

    Parameters
    ----------
    predicted, alpha : float array
    unknown : bool array

    Returns
    -------
    value : float
    gradient : float array
        By ``predicted``.
    """
    pixels, price = max(1, int(np.count_nonzero(unknown))), predicted.dtype.type(SLOPE_PRICE)
    value, gradient = 0.0, np.zeros_like(predicted)
    for across, down in ((-1, -2), (-2, -1)):
        slope = _sobel(predicted, across, down) * unknown
        error = slope - _sobel(alpha, across, down) * unknown
        value += float((np.abs(error).sum() + price * np.abs(slope).sum()) / pixels)
        # Sobel's mask turned by 180 degrees, as for a convolution's gradient, is its own negative.
        gradient -= _sobel((np.sign(error) + price * np.sign(slope)) * unknown, across, down)
    return value, gradient / predicted.dtype.type(pixels)


# --- the recipe of vitmatte-tiny -------------------------------------------------------------------------------------


def recipe_loss(predicted: Array, alpha: Array, unknown: Mask) -> Loss:
    """Return the loss with which the bundled vitmatte-tiny was trained.

    It differs from :func:`authors_loss` in this:

    - the parts are weighted 0.5 (unknown), 0.25 (known), 0.5 (Laplacian), 0.5 (gradient), not 1 each;
    - the mean squared error over the unknown is a fifth part, weighted 8: where a picture does not tell what alpha is,
      absolute errors ask for the likelier side, which biases alpha, and squared errors for the mean;
    - regions count one pixel more than they have, so that an empty one needs no care;
    - pyramid and slopes see the true alpha where the trimap knows, and are means over the whole image;
    - the pyramid has 4 levels, as the squared error has larger regions; it doubles bilinearly and keeps odd rows;
    - slopes are differences of neighbors; only slope beyond the true one has a price, so that hair costs nothing.

    The recipe's trainer adds one term that no single picture has: a price on the bias of each kind of picture, which
    ``weights/training/biases.py`` explains.

    Parameters
    ----------
    predicted, alpha : float array (H, W) or (B, H, W)
        At least 17 pixels high and wide.
    unknown : bool array of their shape

    Returns
    -------
    Loss

    Raises
    ------
    VitMatteError
        If the arrays are smaller than that.
    """
    merged = np.where(unknown, predicted, alpha)
    smallest = 2 * 2 ** (_RECIPE_LEVELS - 1) + 1  # three pixels before the last blur, which mirrors two
    if min(merged.shape[-2:]) < smallest:
        raise VitMatteError(
            f"alphas of {merged.shape[-2]}x{merged.shape[-1]} pixels are too small for a Laplacian pyramid of "
            f"{_RECIPE_LEVELS} levels; use at least {smallest}x{smallest}"
        )

    def where_unknown(value: float, gradient: Array) -> tuple[float, Array]:
        return value, gradient * unknown

    pixels = int(np.count_nonzero(unknown))
    parts = _at_once(
        unknown=lambda: _region_l1(predicted, alpha, unknown, pixels + 1),
        known=lambda: _region_l1(predicted, alpha, ~unknown, unknown.size - pixels + 1),
        laplacian=lambda: where_unknown(*pyramid_l1(merged - alpha, _RECIPE_LEVELS, bilinear)),
        gradient=lambda: where_unknown(*_neighbor_slopes(merged, alpha)),
        squared=lambda: _region_squared(predicted, alpha, unknown, pixels + 1),
    )
    return _weighted(parts, RECIPE_WEIGHTS)


def _neighbor_slopes(merged: Array, alpha: Array) -> tuple[float, Array]:
    """Return the mean absolute error of neighbors' differences, plus the price of those larger than the truth's."""
    price = merged.dtype.type(SLOPE_PRICE)
    value, gradient = 0.0, np.zeros_like(merged)
    for axis in (-1, -2):
        slope, goal = np.diff(merged, axis=axis), np.diff(alpha, axis=axis)
        beyond = np.abs(slope) - np.abs(goal)
        value += float(np.abs(slope - goal).mean() + price * np.maximum(beyond, 0).mean())
        d = (np.sign(slope - goal) + price * np.sign(slope) * (beyond >= 0)) / merged.dtype.type(slope.size)
        d = np.swapaxes(d, axis, -1)
        into = np.swapaxes(gradient, axis, -1)  # a view: the differences go back to both neighbors
        into[..., 1:] += d
        into[..., :-1] -= d
    return value, gradient


# --- parts of both ---------------------------------------------------------------------------------------------------


def _at_once(**losses: Callable[[], tuple[float, Array]]) -> dict[str, tuple[float, Array]]:
    """Compute some losses on all threads."""
    return dict(zip(losses, run_all(list(losses.values())), strict=True))


def _weighted(parts: dict[str, tuple[float, Array]], weights: dict[str, float]) -> Loss:
    value = sum(weights[name] * part for name, (part, _) in parts.items())
    total = np.zeros_like(parts["unknown"][1])
    for name, (_, gradient) in parts.items():
        total += total.dtype.type(weights[name]) * gradient
    return Loss(value, total, {name: part for name, (part, _) in parts.items()})


def _region_l1(predicted: Array, alpha: Array, region: Mask, pixels: int) -> tuple[float, Array]:
    error = (predicted - alpha) * region
    share = predicted.dtype.type(1 / max(1, pixels))
    return float(np.abs(error).sum() * share), np.sign(error) * share


def _region_squared(predicted: Array, alpha: Array, region: Mask, pixels: int) -> tuple[float, Array]:
    error = (predicted - alpha) * region
    share = predicted.dtype.type(1 / pixels)
    return float((error * error).sum() * share), 2 * share * error


def _sobel(image: Array, across: int, down: int) -> Array:
    """Return differences of next neighbors along one axis, smoothed by (1 2 1) along the other; zeros around."""

    def shifted(array: Array, axis: int, by: int) -> Array:
        result, array = np.zeros_like(array), np.moveaxis(array, axis, -1)
        view = np.moveaxis(result, axis, -1)
        view[..., max(0, -by) : view.shape[-1] - max(0, by)] = array[..., max(0, by) : array.shape[-1] - max(0, -by)]
        return result

    slope = shifted(image, across, 1) - shifted(image, across, -1)
    return shifted(slope, down, 1) + 2 * slope + shifted(slope, down, -1)
