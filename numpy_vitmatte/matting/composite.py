"""Pictures made with an alpha: the cut-out, the subject before another background, and the pictures side by side.

All are made of the photo's own colours, by the compositing equation ``alpha * photo + (1 - alpha) * background``
(Porter and Duff 1984) on stored, gamma-encoded values, as matting data sets are made. Half-transparent pixels therefore
keep the old background's share of colour.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numpy_vitmatte.errors import ImageError
from numpy_vitmatte.images.value_range import to_integers

_GAP = 8
"""White columns between pictures that stand side by side."""


def cutout(photo: NDArray[Any], alpha: NDArray[np.floating[Any]]) -> NDArray[np.uint8]:
    """Give a photo its alpha as transparency.

    Parameters
    ----------
    photo : (H, W, 3) array
        Levels from 0 to 255.
    alpha : (H, W) float array
        In [0, 1].

    Returns
    -------
    (H, W, 4) uint8 array
        Straight (not premultiplied) alpha, as PNG has it.

    Raises
    ------
    ImageError
        If the sizes differ.
    """
    _check_size(photo, alpha)
    return np.dstack([_eight_bit(photo), to_integers(alpha)])


def composite(
    photo: NDArray[Any], alpha: NDArray[np.floating[Any]], background: NDArray[Any] | Sequence[int]
) -> NDArray[np.uint8]:
    """Put the subject before another background.

    Parameters
    ----------
    photo : (H, W, 3) array
        Levels from 0 to 255.
    alpha : (H, W) float array
        In [0, 1].
    background : (H, W, 3) array, or three numbers
        A picture or a colour, levels from 0 to 255.

    Returns
    -------
    (H, W, 3) uint8 array

    Raises
    ------
    ImageError
        If the sizes differ.
    """
    _check_size(photo, alpha)
    behind = np.asarray(background, np.float32)
    if behind.shape not in ((3,), photo.shape):
        raise ImageError(f"background has shape {behind.shape}; expected three numbers, or {photo.shape} as the photo")
    cover = np.asarray(alpha, np.float32)[..., None]
    return _eight_bit(cover * np.asarray(photo, np.float32) + (1 - cover) * behind)


def checkerboard(height: int, width: int, square: int = 16) -> NDArray[np.uint8]:
    """Make the grey checks that stand for transparency, dark enough for white hair and light enough for black.

    Returns
    -------
    (height, width, 3) uint8 array
        Levels 102 and 153 (GIMP's mid-tone checks), starting with 153.
    """
    rows, columns = np.arange(height) // square, np.arange(width) // square
    checks = np.where((rows[:, None] + columns) % 2, 102, 153).astype(np.uint8)
    return np.repeat(checks[..., None], 3, axis=-1)


def side_by_side(photo: NDArray[Any], trimap: NDArray[np.uint8], alpha: NDArray[np.floating[Any]]) -> NDArray[np.uint8]:
    """Show photo, trimap, alpha and the subject before a checkerboard, from left to right.

    Parameters
    ----------
    photo : (H, W, 3) array
        Levels from 0 to 255.
    trimap : (H, W) uint8 array
    alpha : (H, W) float array
        In [0, 1].

    Returns
    -------
    (H, 4 W + 24, 3) uint8 array
    """
    _check_size(photo, alpha)
    _check_size(photo, trimap)
    gap = np.full((photo.shape[0], _GAP, 3), 255, np.uint8)
    before_checks = composite(photo, alpha, checkerboard(*alpha.shape))
    panels = [_eight_bit(photo), gap, _as_rgb(trimap), gap, _as_rgb(to_integers(alpha)), gap, before_checks]
    return np.concatenate(panels, axis=1)


def _eight_bit(levels: NDArray[Any]) -> NDArray[np.uint8]:
    return levels if levels.dtype == np.uint8 else np.rint(levels).astype(np.uint8)


def _as_rgb(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.repeat(grey[..., None], 3, axis=-1)


def _check_size(photo: NDArray[Any], matte: NDArray[Any]) -> None:
    if photo.shape != (*matte.shape, 3):
        raise ImageError(f"photo has shape {photo.shape}, alpha or trimap {matte.shape}; expected (H, W, 3) and (H, W)")
