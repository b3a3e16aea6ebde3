"""A photo enlarged, for a network that is to see more pixels than there are, and its alpha averaged back.

The trimap's scalers are in :mod:`numpy_vitmatte.trimaps.scaling`.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from numpy_vitmatte.errors import VitMatteError

LARGEST_UPSCALE = 4
"""The most that a photo may be enlarged: more shows the network nothing, and takes 16 times the pixels already."""


def larger_size(height: int, width: int, upscale: float | None) -> tuple[int, int]:
    """Return the size of a photo whose sides are `upscale` times as long, rounded to whole pixels.

    Parameters
    ----------
    height, width : int
        Pixels of the photo.
    upscale : float, optional
        From 1 to 4. None means 1.

    Returns
    -------
    height, width : int

    Raises
    ------
    VitMatteError
        If `upscale` is no number from 1 to 4.
    """
    if upscale is None:
        return height, width
    number = isinstance(upscale, int | float) and not isinstance(upscale, bool)
    if not number or not 1 <= upscale <= LARGEST_UPSCALE:
        raise VitMatteError(f"upscale is {upscale!r}; expected a number from 1 to {LARGEST_UPSCALE}, such as 1.5")
    return round(height * upscale), round(width * upscale)


def larger_photo(photo: NDArray[Any], height: int, width: int) -> NDArray[Any]:
    """Enlarge a photo bicubically.

    Parameters
    ----------
    photo : (H, W, 3) array
        Levels from 0 to 255.
    height, width : int
        At least H and W.

    Returns
    -------
    (height, width, 3) array
        uint8 where the photo is; float32 otherwise. Levels from 0 to 255.
    """
    size, bicubic = (width, height), Image.Resampling.BICUBIC
    if photo.dtype == np.uint8:
        return np.asarray(Image.fromarray(photo).resize(size, bicubic))
    channels = [Image.fromarray(photo[..., c].astype(np.float32)).resize(size, bicubic) for c in range(3)]
    return np.stack([np.clip(np.asarray(channel), 0, 255) for channel in channels], axis=-1)


def average_by_area(values: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
    """Scale values down: each is the average of those it covers, weighted by the covered area.

    Pillow's box filter takes a value wholly or not at all, which moves edges by up to half a pixel where the sizes do
    not divide.

    Parameters
    ----------
    values : (H, W) float32 array
    height, width : int
        At most H and W.

    Returns
    -------
    (height, width) float32 array
        C-contiguous.

    Examples
    --------
    The first of two pixels covers the first of three and half of the second.

    >>> average_by_area(np.array([[0, 0.75, 1]], np.float32), 1, 2)
    array([[0.25     , 0.9166667]], dtype=float32)
    """
    columns = _average_rows(_average_rows(values, height).T, width)
    return np.ascontiguousarray(columns.T)


def _average_rows(values: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    """Average an array's rows into `count` ones."""
    rows = len(values)
    edges = np.arange(count + 1) * (rows / count)
    firsts = edges[:-1].astype(int)
    averages = np.zeros((count, *values.shape[1:]), np.float32)
    for tap in range(math.ceil(rows / count) + 1):
        covered = np.minimum(firsts + tap + 1, edges[1:]) - np.maximum(firsts + tap, edges[:-1])
        weights = (np.maximum(covered, 0) * (count / rows)).astype(np.float32)
        averages += weights[:, None] * values[np.minimum(firsts + tap, rows - 1)]
    return averages
