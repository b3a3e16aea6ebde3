"""Pictures that arrive and leave: uploads opened by their headers, results encoded."""

import io
import tempfile
from collections.abc import Mapping
from pathlib import PurePath
from typing import IO, Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from numpy_vitmatte.errors import ImageError
from numpy_vitmatte.images.formats import open_listed
from numpy_vitmatte.images.pixel_limit import refused_bomb
from numpy_vitmatte.images.value_range import to_integers
from numpy_vitmatte.images.writing import PNG_OPTIONS
from numpy_vitmatte.serve.problems import too_large
from numpy_vitmatte.serve.uploads import SPOOL

Image.init()
READABLE = tuple(
    name for name in ("PNG", "JPEG", "MPO", "WEBP", "TIFF", "BMP", "GIF", "PPM", "AVIF") if name in Image.OPEN
)
"""Formats that are opened. Pillow knows more, some of which start another program (EPS) or are seldom read."""


class Encoding(NamedTuple):
    """A format of answers.

    Attributes
    ----------
    media_type : str
    suffix : str
    pillow : str or None
        Pillow's name for it; None: NumPy's own format.
    options : mapping
        Options for Pillow.
    """

    media_type: str
    suffix: str
    pillow: str | None
    options: Mapping[str, Any] = {}


ENCODINGS = {
    "png": Encoding("image/png", ".png", "PNG", PNG_OPTIONS),
    "png16": Encoding("image/png", ".png", "PNG", PNG_OPTIONS),
    "npy": Encoding("application/x-npy", ".npy", None),
    # Method 0 is five times as fast as Pillow's 4 for a few per cent more bytes; exact keeps colors under alpha 0.
    "webp": Encoding("image/webp", ".webp", "WEBP", {"lossless": True, "exact": True, "method": 0, "quality": 0}),
    "jpeg": Encoding("image/jpeg", ".jpg", "JPEG", {"quality": 95, "subsampling": 0}),
}


def open_upload(file: IO[bytes], what: str, max_pixels: int) -> Image.Image:
    """Open a picture by its header; its pixels are decoded later.

    Parameters
    ----------
    file : binary file
    what : str
        "photo", "trimap", ..., for the errors.
    max_pixels : int

    Raises
    ------
    ImageError
        No picture, or of a format that the service does not read.
    Problem
        413: too many pixels.
    """
    try:
        image = open_listed(file, what, formats=READABLE)
    except ImageError as error:
        if isinstance(error.__context__, Image.DecompressionBombError):
            raise too_large(str(error)) from error
        raise
    pixels = image.width * image.height
    if pixels > max_pixels:
        raise too_large(f"{what} is refused: {refused_bomb(pixels, max_pixels)}")
    return image


def new_spool() -> IO[bytes]:
    """Make a file for an answer: in memory, and from some size on on disk, without a name."""
    return cast(IO[bytes], tempfile.SpooledTemporaryFile(max_size=SPOOL))


class AnswerPicture(NamedTuple):
    """A picture of an answer.

    Attributes
    ----------
    pixels : (H, W) float array in [0, 1], or (H, W), (H, W, 3) or (H, W, 4) uint8 array
        Floats are an alpha.
    icc_profile : bytes or None
        The meaning of its colors, which is embedded; None: sRGB, or no colors.
    """

    pixels: NDArray[Any]
    icc_profile: bytes | None = None


def encode(file: IO[bytes], picture: AnswerPicture, form: str) -> None:
    """Write a picture.

    Parameters
    ----------
    file : binary file
    picture : AnswerPicture
        An alpha is rounded, or with "npy" written as it is.
    form : str
        One of ``ENCODINGS``.
    """
    encoding, pixels = ENCODINGS[form], picture.pixels
    if encoding.pillow is None:
        np.save(file, pixels)
        return
    if pixels.dtype.kind == "f":
        pixels = to_integers(pixels, 16 if form == "png16" else 8)
    content = io.BytesIO()  # some encoders seek, an archive cannot
    image = Image.fromarray(np.ascontiguousarray(pixels))
    image.save(content, encoding.pillow, icc_profile=picture.icc_profile, **encoding.options)
    file.write(content.getbuffer())


def file_name(name: str, form: str) -> str:
    """Name a picture in an archive or a download."""
    return str(PurePath(name).with_suffix(ENCODINGS[form].suffix))
