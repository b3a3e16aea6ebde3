"""Photos and trimaps in any form that a processor takes, brought to arrays of numbers that keep the caller's scale.

A photo becomes (H, W, 3), a trimap (H, W). Where transformers 5.23 takes an input, the numbers are the ones it takes,
also where they are not what the caller meant (a palette trimap's indices); ``numpy_vitmatte.trimaps.reading`` is the
careful door.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from numpy_vitmatte.errors import ConfigurationError, ImageError
from numpy_vitmatte.images.reading import (
    PHOTO_CHANNELS,
    as_array,
    is_file_or_image,
    name_of,
    open_image,
    photo_array,
    rgb,
)
from numpy_vitmatte.images.value_range import require_finite_numbers

CHANNELS_FIRST, CHANNELS_LAST = "channels_first", "channels_last"

_AS_NUMBERS = ("1", "L", "P", "F")
"""Pillow modes of one number per pixel; those that begin with I are others."""


def check_data_format(name: str, value: str | None) -> None:
    """Accept transformers' two names for the place of the channel axis, and None.

    Raises
    ------
    ConfigurationError
    """
    if value not in (None, CHANNELS_FIRST, CHANNELS_LAST):
        raise ConfigurationError(f"{name} must be {CHANNELS_FIRST!r} or {CHANNELS_LAST!r}, found {value!r}")


def as_list(sources: Any, single_ndim: int, what: str) -> list[Any]:
    """Make a flat list of single images from one image, a batch, or a list (of lists) of either.

    Parameters
    ----------
    sources
        Paths, Pillow images, arrays of at most `single_ndim` dimensions, or batches of one dimension more.
    single_ndim : int
        3 for photos, 2 for trimaps.
    what : str

    Raises
    ------
    ImageError
        An empty list, or something that is no image.
    """
    if is_file_or_image(sources):
        return [sources]
    if isinstance(sources, (list, tuple)):
        if not sources:
            raise ImageError(f"no {what} given: the list is empty")
        return [image for source in sources for image in as_list(source, single_ndim, what)]
    array = as_array(sources, what)
    return [array] if array.ndim <= single_ndim else list(array)


def photo_pixels(source: Any, input_data_format: str | None, what: str) -> tuple[NDArray[Any], list[str]]:
    """Bring one photo to (H, W, 3).

    Parameters
    ----------
    source : path, PIL.Image.Image, or array of shape (H, W), (H, W, C) or (C, H, W), C one of 1, 3, 4
        Pillow images of any mode; transformers takes RGB only, unless told to convert.
    input_data_format : {"channels_first", "channels_last"}, optional
        Layout of arrays. When absent it is inferred, channels first where both ends could be the channels.
    what : str
        How errors name it.

    Returns
    -------
    photo : (H, W, 3) array
        The caller's numbers and dtype, a view where that can be; levels from 0 to 255 for Pillow images.
    warnings : list of str
        What is probably not as meant, a sentence each.

    Raises
    ------
    ImageError
    """
    if is_file_or_image(source):
        return photo_array(open_image(source, what), name_of(source, what)), []
    array = as_array(source, what)
    require_finite_numbers(array, what)
    found = []
    if array.ndim == 2:
        array = array[..., None]
    elif array.ndim == 3:
        first, last = array.shape[0] in PHOTO_CHANNELS, array.shape[-1] in PHOTO_CHANNELS
        if input_data_format is None and first and last:
            found.append(f"{what} has shape {array.shape}: channels taken as first; input_data_format decides")
        if input_data_format == CHANNELS_FIRST or (input_data_format is None and (first or not last)):
            array = np.moveaxis(array, 0, -1)
    if array.ndim != 3 or array.shape[-1] not in PHOTO_CHANNELS:
        wanted = input_data_format or "channels first or last"
        raise ImageError(f"{what} has shape {np.shape(source)}; expected a color image of 1, 3 or 4 channels, {wanted}")
    return rgb(array), found


def trimap_plane(source: Any, what: str) -> tuple[NDArray[Any], list[str]]:
    """Bring one trimap to a plane.

    Parameters
    ----------
    source : path, PIL.Image.Image, or array of shape (H, W), (1, H, W) or (H, W, 1)
    what : str

    Returns
    -------
    plane : (H, W) array
        The caller's numbers and dtype.
    warnings : list of str
        What is probably not as meant, a sentence each.

    Raises
    ------
    ImageError
    """
    if is_file_or_image(source):
        return _pillow_trimap(open_image(source, what), name_of(source, what))
    array = as_array(source, what)
    require_finite_numbers(array, what)
    if array.ndim == 3 and 1 in (array.shape[0], array.shape[-1]):
        array = array[0] if array.shape[0] == 1 else array[..., 0]
    if array.ndim != 2:
        raise ImageError(f"{what} has shape {array.shape}; expected one number per pixel: (height, width)")
    return array, []


def trimaps_for(photo_count: int, trimaps: Any) -> list[Any]:
    """Make a list of trimaps, one for each photo.

    Raises
    ------
    ImageError
        Where their numbers differ; transformers drops the surplus.
    """
    found = [trimaps] if _has_channel_last(trimaps, photo_count) else as_list(trimaps, 2, "trimap")
    if len(found) != photo_count:
        raise ImageError(f"{photo_count} photos and {len(found)} trimaps; expected as many trimaps as photos")
    return found


def _has_channel_last(trimaps: Any, photo_count: int) -> bool:
    """Say whether this is one (H, W, 1) trimap, and no batch of trimaps that are one pixel wide."""
    shape: tuple[int, ...] = getattr(trimaps, "shape", ())
    return photo_count == 1 and len(shape) == 3 and shape[0] != 1 and shape[2] == 1


def _pillow_trimap(image: Image.Image, what: str) -> tuple[NDArray[Any], list[str]]:
    if image.mode in _AS_NUMBERS or image.mode.startswith("I"):
        plane = np.asarray(image)
        require_finite_numbers(plane, what)
        if image.mode == "P" and not np.array_equal(plane, np.asarray(image.convert("RGBA"))[..., 0]):
            return plane, [
                f"{what} has a palette; its indices are taken, as transformers does, not its colors: convert it to 'L'"
            ]
        return plane, []
    colors = photo_array(image, what)
    if (colors != colors[..., :1]).any():
        raise ImageError(
            f"{what} has colors (Pillow mode {image.mode}); expected gray: black background, white foreground, "
            "gray in between"
        )
    return colors[..., 0], []
