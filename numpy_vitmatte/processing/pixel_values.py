"""The arithmetic of the image processor: rescale, normalize, join photo and trimap, pad.

Photos, trimaps and the network's images have their channels last here; the processor turns them once, at its end.

Source: transformers 5.23, ``image_transforms.py`` (rescale, normalize, pad). The float operations come in the same
order and precision, so the values are the same.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numpy_vitmatte.errors import ImageError
from numpy_vitmatte.kernels.lookup_table import apply_lookup_tables
from numpy_vitmatte.runtime.threads import for_each_block

ROWS_PER_BLOCK = 64
"""Rows that a thread takes at a time; what lies between the steps then stays in the cache."""

_LEVELS = np.arange(256, dtype=np.uint8)


def network_image(photo: NDArray[Any], trimap: NDArray[Any], settings: Mapping[str, Any]) -> NDArray[np.float32]:
    """Make the image that the network takes.

    Parameters
    ----------
    photo : (H, W, 3) array
        Red, green, blue.
    trimap : (H, W) array
    settings : mapping
        Every setting of :class:`~numpy_vitmatte.processing.settings.ProcessorSettings`.

    Returns
    -------
    (H', W', 4) float32 array
        The trimap is the last channel and is not normalized. Padding is zero, at the bottom and on the right, and comes
        after normalization: to the network it is the mean color and background.
    """
    height, width = trimap.shape
    divisor = settings["size_divisor"] if settings["do_pad"] else 1
    factor = settings["rescale_factor"] if settings["do_rescale"] else None
    image = np.empty((*padded_sides(height, width, divisor), 4), np.float32)
    image[height:] = 0
    image[:, width:] = 0
    means, stds = np.broadcast_to(settings["image_mean"], 3), np.broadcast_to(settings["image_std"], 3)

    def values(plane: NDArray[Any], channel: int) -> NDArray[Any]:
        rescaled = _rescaled(plane, factor)
        normalized = settings["do_normalize"] and channel < 3
        return _normalized(rescaled, means[channel], stds[channel]) if normalized else rescaled

    if photo.dtype == trimap.dtype == np.uint8:
        tables = np.stack([values(_LEVELS, channel) for channel in range(4)]).astype(np.float32)

        def rows(first: int, last: int) -> None:
            apply_lookup_tables(
                _read_only(photo[first:last]), _read_only(trimap[first:last]), tables, image[first:last]
            )

    else:

        def rows(first: int, last: int) -> None:
            for channel in range(3):
                image[first:last, :width, channel] = values(photo[first:last, :, channel], channel)
            image[first:last, :width, 3] = values(trimap[first:last], 3)

    for_each_block(rows, height, ROWS_PER_BLOCK)
    return image


def _read_only(levels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a contiguous view that nobody may write: Numba compiles once more for each kind of array."""
    view = np.ascontiguousarray(levels).view()
    view.flags.writeable = False
    return view


def padded_sides(height: int, width: int, divisor: int) -> tuple[int, int]:
    """Return height and width after padding, each axis on its own."""
    return -(-height // divisor) * divisor, -(-width // divisor) * divisor


def _rescaled(plane: NDArray[Any], factor: float | None) -> NDArray[Any]:
    if factor is None:
        return plane
    # Through float64, as transformers does: one rounding instead of two.
    return (plane.astype(np.float64) * factor).astype(np.float32)


def _normalized(plane: NDArray[Any], mean: float, std: float) -> NDArray[Any]:
    """Compute (plane - mean) / std in the plane's own float type; integers in float32."""
    dtype = plane.dtype if plane.dtype.kind == "f" else np.dtype(np.float32)
    return (plane.astype(dtype) - dtype.type(mean)) / dtype.type(std)


def scale_warnings(photo: NDArray[Any], trimap: NDArray[Any], settings: Mapping[str, Any], which: str) -> list[str]:
    """Warn of values and a rescaling that do not belong together.

    One ``do_rescale`` serves both: a trimap in [0, 1] with a photo in [0, 255] silently becomes background.

    Returns
    -------
    list of str
        A sentence each; `which` tells several photos apart.
    """
    factor = settings["rescale_factor"] if settings["do_rescale"] else 1.0
    remedy = "give levels from 0 to 255, or do_rescale=False with both in [0, 1]"
    found = []
    highest = float(trimap.max())
    if 0 < highest * factor < 0.01:
        found.append(f"trimap{which} goes up to {highest:g} and is rescaled to nothing but background: {remedy}")
    elif highest * factor > 1.1:
        found.append(f"trimap{which} enters the network with values up to {highest * factor:g} instead of 1: {remedy}")
    if settings["do_rescale"] and photo.dtype.kind == "f" and 0 < (brightest := float(photo.max())) * factor < 0.01:
        found.append(f"photo{which} goes up to {brightest:g} and is rescaled to black: {remedy}")
    return found


def check_same_size(photo: tuple[int, ...], trimap: tuple[int, ...], which: str = "") -> None:
    """Refuse a photo and a trimap of different (height, width).

    Raises
    ------
    ImageError
    """
    if photo == trimap:
        return
    turned = ", one of them turned by 90 degrees" if photo == trimap[::-1] else ""
    raise ImageError(
        f"photo{which} is {photo[1]} x {photo[0]} pixels (width x height), its trimap "
        f"{trimap[1]} x {trimap[0]}{turned}; expected the same size"
    )
