"""An image's header: what its pixels alone do not tell, and what can be known before they are decoded."""

from typing import NamedTuple

import numpy as np
from PIL import Image

from numpy_vitmatte.errors import ImageError
from numpy_vitmatte.images.orientation import orientation_of
from numpy_vitmatte.images.reading import FilePath, ImageSource, as_array, channels_last, is_file_or_image, opened
from numpy_vitmatte.images.sixteen_bits import is_wide
from numpy_vitmatte.images.value_range import require_pixels


class StoredForm(NamedTuple):
    """The form in which an image is stored.

    Attributes
    ----------
    file_format : str or None
        Pillow's name for the kind of file (``"PNG"``, ``"JPEG"``); None for an image made in memory.
    mode : str
        Pillow's name for the kind of pixels (``"L"``, ``"P"``, ``"RGBA"``).
    height, width : int
        Before the orientation is applied; of a TIFF perhaps after, since Pillow turns those by itself.
    orientation : int
        From the EXIF data, 1 to 8; 1 is upright, from 5 on rows are columns of the upright image.
    """

    file_format: str | None
    mode: str
    height: int
    width: int
    orientation: int


class PhotoHeader(NamedTuple):
    """A photo's size, before its pixels take memory.

    Attributes
    ----------
    height, width : int
        The upright photo's.
    wide : bool
        Whether there are more than 8 bits.
    profiled : bool
        Whether there is an ICC profile, whose colors the network sees in sRGB.
    transparent : bool
        Whether the photo has transparency itself.
    """

    height: int
    width: int
    wide: bool
    profiled: bool = False
    transparent: bool = False


def stored_form(source: FilePath | Image.Image) -> StoredForm:
    """Say how an image is stored that :func:`~numpy_vitmatte.images.reading.open_image` could open.

    Parameters
    ----------
    source : path or PIL.Image.Image
    """
    if not isinstance(source, Image.Image):
        with opened(source, "image") as image:
            assert isinstance(image, Image.Image)
            return stored_form(image)
    return StoredForm(source.format, source.mode, source.height, source.width, orientation_of(source))


def photo_header(source: ImageSource, what: str = "photo") -> PhotoHeader:
    """Read a photo's header; no pixel is decoded.

    Parameters
    ----------
    source : path, PIL.Image.Image or array
        A path is opened for the header alone; :func:`~numpy_vitmatte.images.reading.opened` opens it once for header
        and pixels.
    what : str
        How errors name it.

    Raises
    ------
    ImageError
        If it cannot be opened, or has no pixels.
    """
    if not is_file_or_image(source):
        array = channels_last(as_array(source, what), what)
        require_pixels(array, what)
        height, width, _ = array.shape
        return PhotoHeader(height, width, array.dtype not in (np.uint8, np.bool_))
    with opened(source, what) as image:
        assert isinstance(image, Image.Image)
        if 0 in image.size:
            raise ImageError(f"{what} has {image.width} x {image.height} pixels; at least one is needed")
        height, width = (image.width, image.height) if _is_turned(image) else (image.height, image.width)
        transparent = image.has_transparency_data
        return PhotoHeader(height, width, is_wide(image), "icc_profile" in image.info, transparent)


def _is_turned(image: Image.Image) -> bool:
    """Say whether rows become columns when the image is turned upright, as far as its header tells."""
    # Pillow turns a TIFF when it opens it. A PNG's orientation may stand behind its pixels, which would be decoded.
    if image.format == "TIFF" or (image.format == "PNG" and "exif" not in image.info):
        return False
    try:
        return stored_form(image).orientation >= 5
    except Exception:  # a damaged EXIF block: decoding the image will say so
        return False
