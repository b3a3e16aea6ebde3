"""Reading a photo of any kind: levels, what they mean, what they hide."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from numpy_vitmatte.errors import warn
from numpy_vitmatte.images.color_profile import cmyk_to_srgb, is_srgb, srgb_profile, to_srgb, unusable
from numpy_vitmatte.images.icc_file import color_space
from numpy_vitmatte.images.photo import Photo
from numpy_vitmatte.images.reading import (
    ImageSource,
    as_array,
    channels_last,
    decode,
    is_file_or_image,
    name_of,
    opened,
    photo_array,
    rgb,
)
from numpy_vitmatte.images.sixteen_bits import is_wide, joined, low_bytes_of, stated_depth
from numpy_vitmatte.images.value_range import to_levels

_WITH_ALPHA = ("LA", "La", "PA", "RGBA", "RGBa")


def read_photo(source: ImageSource, what: str = "photo", depth: int | None = None) -> NDArray[Any]:
    """Read a photo's levels, in its own color space; parameters and errors are those of :func:`open_photo`.

    Returns
    -------
    (H, W, 3) array
        uint8 where the source has 8 bits; otherwise the caller's numbers without rounding, as floats in [0, 255].
    """
    return open_photo(source, what, depth).levels


def open_photo(source: ImageSource, what: str = "photo", depth: int | None = None) -> Photo:
    """Read a photo.

    Gray is repeated over the three channels. The transparency that a photo has itself is not used, which is warned of.
    Print colors, and gray with a profile of its own, become sRGB here: the pictures that are made of a photo are RGB.

    Parameters
    ----------
    source : path, PIL.Image.Image, or array of shape (H, W), (H, W, C) or (C, H, W), C one of 1, 3, 4
        Arrays, also in ``.npy`` files, may be boolean, of 8- or 16-bit integers, or floats in [0, 1] or [0, 255]. Three
        channels are red, green and blue in this order. OpenCV's arrays are BGR: give ``array[..., ::-1]``.
    what : str
        How errors and warnings name it.
    depth : int, optional
        Bits of integers that have more than 8; see :func:`~numpy_vitmatte.images.value_range.to_levels`.

    Returns
    -------
    Photo

    Raises
    ------
    ImageError
        It cannot be read.

    Warns
    -----
    UserWarning
        Transparency, a profile that cannot be followed, or bits that were guessed or lost.
    """
    if not is_file_or_image(source):
        array = channels_last(as_array(source, what), what)
        levels, _ = to_levels(array, what, depth)
        return _photo(rgb(levels), None, array[..., 3] if array.shape[-1] == 4 else None, what)
    name = name_of(source, what)
    with opened(source, what) as image:
        assert isinstance(image, Image.Image)
        return _from_pillow(image, name, depth)


def _from_pillow(image: Image.Image, name: str, depth: int | None) -> Photo:
    depth = depth or stated_depth(image)
    wide, twin = is_wide(image), low_bytes_of(image)
    image = decode(image, name)
    icc = _usable_profile(image, name)
    if image.mode == "CMYK" and icc is not None:
        return Photo(np.asarray(cmyk_to_srgb(image, icc)), srgb_profile())
    if twin is not None:
        values = joined(np.asarray(image), np.asarray(decode(twin, name)))
        levels, _ = to_levels(values[..., :3], name, depth)
        return _photo(levels, icc, values[..., 3] if image.mode == "RGBA" else None, name)
    if wide and not image.mode.startswith(("I", "F")):
        warn(f"{name} has colors of 16 bits, of which Pillow reads the upper 8", 2)
    levels = photo_array(image, name, depth)
    if icc is not None and color_space(icc) == "GRAY" and not is_srgb(icc):
        levels, icc = to_srgb(levels, icc), srgb_profile()
    return _photo(levels, icc, _transparency(image), name)


def _photo(levels: NDArray[Any], icc: bytes | None, transparency: NDArray[Any] | None, name: str) -> Photo:
    """Join levels and what belongs to them, with a word about transparency."""
    if transparency is None or transparency.min() == transparency.max():
        return Photo(levels, icc)
    hidden = transparency == 0
    count = int(np.count_nonzero(transparency < transparency.max()))
    warn(
        f"{name} is transparent itself, in {count / transparency.size:.1%} of its pixels: the network sees the colors "
        "under that; what is made of the photo has none where it is wholly transparent",
        2,
    )
    return Photo(levels, icc, hidden if hidden.any() else None)


def _transparency(image: Image.Image) -> NDArray[Any] | None:
    """Return the transparency of a decoded Pillow image; None if it has none."""
    if image.mode not in _WITH_ALPHA and "transparency" not in image.info:
        return None
    if image.mode in ("LA", "La", "RGBA", "RGBa", "PA"):
        return np.asarray(image.getchannel("A"))
    return np.asarray(image.convert("RGBA").getchannel("A")) if image.mode in ("P", "L", "RGB", "1") else None


def _space_of(image: Image.Image) -> str:
    """Say what kind of pixels a profile must be for."""
    if image.mode == "CMYK":
        return "CMYK"
    gray = image.mode in ("1", "L", "LA", "La", "F") or image.mode.startswith("I")
    return "GRAY" if gray else "RGB"


def _usable_profile(image: Image.Image, name: str) -> bytes | None:
    icc = image.info.get("icc_profile")
    if not icc or image.mode == "LAB":  # which is no device's space; littlecms knows its colors without a profile
        return None
    why = unusable(icc, _space_of(image))
    if why is None:
        return bytes(icc)
    warn(f"the color profile of {name} is not followed: {why}; its colors are taken for sRGB", 2)
    return None
