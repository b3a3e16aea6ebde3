"""How a picture is stored: what its pixels alone no longer tell once it is decoded and turned upright."""

import os
from typing import NamedTuple, Union

from PIL import ExifTags, Image


class StoredForm(NamedTuple):
    """The head of a picture.

    Attributes
    ----------
    file_format : str or None
        Pillow's name for the kind of file (``"PNG"``, ``"JPEG"``); None for a picture made in memory.
    mode : str
        Pillow's name for the kind of pixels (``"L"``, ``"P"``, ``"RGBA"``).
    height, width : int
        Before the orientation is applied; of a TIFF perhaps after, since Pillow turns those by itself.
    orientation : int
        Of the EXIF data, 1 to 8; 1 is upright, from 5 on rows are columns of the upright picture.
    """

    file_format: str | None
    mode: str
    height: int
    width: int
    orientation: int


def stored_form(source: Union[str, "os.PathLike[str]", Image.Image]) -> StoredForm:
    """Look at the head of a picture that :func:`~numpy_vitmatte.images.reading.open_image` could open.

    Parameters
    ----------
    source : path or PIL.Image.Image
    """
    if not isinstance(source, Image.Image):
        with Image.open(source) as image:
            return stored_form(image)
    orientation = source.getexif().get(ExifTags.Base.Orientation, 1)
    upright = orientation not in range(2, 9)  # writers leave 0 and worse, which viewers take for upright
    return StoredForm(source.format, source.mode, source.height, source.width, 1 if upright else orientation)
