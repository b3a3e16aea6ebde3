"""A trimap from another tool's output: a binary mask, a soft mask, an alpha, a cut-out with transparency."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numpy_vitmatte.errors import VitMatteError, warn
from numpy_vitmatte.images.reading import ImageSource
from numpy_vitmatte.kernels.distance import squared_distance_to
from numpy_vitmatte.trimaps.channel import mask_levels
from numpy_vitmatte.trimaps.lengths import in_pixels
from numpy_vitmatte.trimaps.reading import BACKGROUND, FOREGROUND, UNKNOWN

WIDTH = "2%"
"""The band's width on either side. For training, the authors eroded alphas of 640 x 640 by ellipses of 1 to 29 pixels
across (hustvl/ViTMatte, ``data/dim_dataset.py``): bands of up to 14 pixels, 2.2 % of the side. Masks need the wider
end, since they lie some pixels off the true edge."""

BACKGROUND_UP_TO, FOREGROUND_FROM = 0.05, 0.95
"""Soft masks made by networks are seldom quite 0 or 1 even far from the edge."""


def trimap_from_mask(
    mask: ImageSource,
    erode: float | str = WIDTH,
    dilate: float | str = WIDTH,
    *,
    background: float = BACKGROUND_UP_TO,
    foreground: float = FOREGROUND_FROM,
    depth: int | None = None,
) -> NDArray[np.uint8]:
    """Make a trimap of a mask: its edge and all its soft pixels become unknown, with a band on both sides of them.

    Parameters
    ----------
    mask : path, PIL.Image.Image, or array of shape (H, W), (H, W, C) or (C, H, W), C one of 1, 3, 4
        A binary or soft mask in any form that :func:`~numpy_vitmatte.trimaps.reading.read_trimap` reads, white being
        foreground; an alpha; a cut-out, whose transparency is taken; a trimap, whose unknown region grows.
    erode, dilate : float or str
        How far into the foreground and into the background the band reaches, by Euclidean distance: in pixels (10), or
        as a share of the mask's shorter side (``"2%"``). See
        :func:`widen_unknown`.
    background, foreground : float
        In [0, 1]. The mask's values up to `background` are surely background, those from `foreground` surely
        foreground; the ones between stay unknown whatever the widths.
    depth : {8, 10, 12, 14, 16}, optional
        Bits of integers that have more than 8; by default the largest value decides, which is warned of.

    Returns
    -------
    (H, W) uint8 array
        0 background, 128 unknown, 255 foreground.

    Warns
    -----
    UserWarning
        No foreground, no background, or nothing unknown is left.

    Raises
    ------
    VitMatteError
        A width or threshold that cannot be.
    ImageError
        A mask that cannot be read, or is in color without transparency.

    Examples
    --------
    >>> trimap_from_mask(np.array([[0, 0, 0, 0, 1, 1, 1, 1]]), erode=1, dilate=2)
    array([[  0,   0, 128, 128, 128, 255, 255, 255]], dtype=uint8)
    """
    _check_thresholds(background, foreground)
    levels, _ = mask_levels(mask, "mask", depth)
    inside = in_pixels(erode, levels.shape, "erode")
    outside = in_pixels(dilate, levels.shape, "dilate")
    sure = np.full(levels.shape, UNKNOWN, np.uint8)
    sure[levels <= 255 * background] = BACKGROUND
    sure[levels >= 255 * foreground] = FOREGROUND
    trimap = widen_unknown(sure, inside, outside)
    if not np.any(trimap == FOREGROUND):
        begins = f"its brightest level is {levels.max():.0f}, foreground begins at {255 * foreground:.0f}"
        warn(_none_left(sure, FOREGROUND, "foreground", f"erode of {inside:g}", begins), 2)
    if not np.any(trimap == BACKGROUND):
        ends = f"its darkest level is {levels.min():.0f}, background ends at {255 * background:.0f}"
        warn(_none_left(sure, BACKGROUND, "background", f"dilate of {outside:g}", ends), 2)
    if not np.any(trimap == UNKNOWN):
        warn("nothing is unknown: the mask has one value or no soft pixels, and erode and dilate reach no edge", 2)
    return trimap


def widen_unknown(trimap: NDArray[np.uint8], erode: float, dilate: float) -> NDArray[np.uint8]:
    """Mark as unknown what lies near the edge of the known foreground and of the known background.

    A straight edge loses exactly `erode` rows of foreground and `dilate` rows of background. That is erosion of both
    by discs, whose radius may be a fraction; squares, as rembg and Matte-Anything take them, reach 1.4 times as far
    along the diagonals. The frame of the image is no edge: a subject that it cuts off stays foreground up to it
    (rembg erodes from there, which lays a gray border along the frame).

    Parameters
    ----------
    trimap : (H, W) uint8 array
        0, 128 and 255.
    erode : float
        Pixels of foreground to give up, from its edge inwards.
    dilate : float
        Pixels of background to give up, from its edge outwards.

    Returns
    -------
    (H, W) uint8 array
        0, 128 and 255.
    """
    wider = np.full(trimap.shape, UNKNOWN, np.uint8)
    for value, width in ((FOREGROUND, erode), (BACKGROUND, dilate)):
        # The distance counts from pixel center to pixel center, so that of a pixel at the edge is 1.
        wider[squared_distance_to(trimap != value) > width * width] = value
    return wider


def _none_left(sure: NDArray[np.uint8], value: int, name: str, width: str, levels: str) -> str:
    """Say why a class is missing: the mask never had it, or the band took it."""
    if not np.any(sure == value):
        return f"the mask holds no {name} ({levels})"
    deepest = math.sqrt(squared_distance_to(sure != value).max())
    return f"the {width} pixels leaves no {name}: the mask's own is at most {deepest:.1f} pixels deep; give less"


def _check_thresholds(background: Any, foreground: Any) -> None:
    numbers = all(isinstance(value, (int, float, np.number)) for value in (background, foreground))
    if not (numbers and 0 <= background < foreground <= 1):
        raise VitMatteError(
            f"background up to {background!r} and foreground from {foreground!r}; expected numbers from 0 to 1, "
            "background below foreground"
        )
