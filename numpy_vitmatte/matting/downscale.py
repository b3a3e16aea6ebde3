"""A photo scaled down, for a network that is to see fewer pixels than there are.

The trimap's scalers are in :mod:`numpy_vitmatte.trimaps.scaling`.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from numpy_vitmatte.errors import VitMatteError

SMALLEST_SIDE = 32
"""The least that the longer side may be limited to: two patches of the network."""


def smaller_size(height: int, width: int, max_side: int | None) -> tuple[int, int]:
    """Return the size of a photo whose longer side is at most `max_side`, in its proportions; never a larger one.

    Parameters
    ----------
    height, width : int
        Pixels of the photo.
    max_side : int, optional
        None means no limit.

    Returns
    -------
    height, width : int
        At least one pixel each.

    Raises
    ------
    VitMatteError
        If `max_side` is no whole number, or below 32.
    """
    if max_side is None:
        return height, width
    if not isinstance(max_side, int) or isinstance(max_side, bool) or max_side < SMALLEST_SIDE:
        raise VitMatteError(f"max_side is {max_side!r}; expected a whole number of pixels, {SMALLEST_SIDE} or more")
    longer = max(height, width)
    if longer <= max_side:
        return height, width
    return max(1, round(height * max_side / longer)), max(1, round(width * max_side / longer))


def smaller_photo(photo: NDArray[Any], height: int, width: int) -> NDArray[Any]:
    """Scale a photo down; every pixel is the average of those it covers.

    Parameters
    ----------
    photo : (H, W, 3) array
        Levels from 0 to 255.
    height, width : int
        At most H and W.

    Returns
    -------
    (height, width, 3) array
        uint8 where the photo is; float32 otherwise.
    """
    # Pillow averages three channels at once in 8 bits only; photos of more go channel by channel.
    channels = [photo] if photo.dtype == np.uint8 else [photo[..., c].astype(np.float32) for c in range(3)]
    scaled = [
        np.asarray(Image.fromarray(np.ascontiguousarray(channel)).resize((width, height), Image.Resampling.BOX))
        for channel in channels
    ]
    return scaled[0] if len(scaled) == 1 else np.stack(scaled, axis=-1)
