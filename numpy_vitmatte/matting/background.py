"""Backgrounds to put a subject before: a color, an image scaled to the photo's size, or a checkerboard."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageColor, ImageOps

from numpy_vitmatte.errors import ImageError
from numpy_vitmatte.files.missing import is_url, no_such
from numpy_vitmatte.images.color_profile import same_space, to_srgb
from numpy_vitmatte.images.photo_reading import open_photo
from numpy_vitmatte.images.reading import ImageSource

CHECKERBOARD = "checkerboard"
FITS = ("cover", "fit")


@dataclass(frozen=True)
class Backdrop:
    """A background that fits any photo.

    Attributes
    ----------
    frame : callable
        Height and width in, (height, width, 3) uint8 levels out.
    icc_profile : bytes or None
        What the levels mean; None: sRGB.
    """

    frame: Callable[[int, int], NDArray[np.uint8]]
    icc_profile: bytes | None = None

    def __call__(self, height: int, width: int) -> NDArray[np.uint8]:
        """Give the background in a size."""
        return self.frame(height, width)


def read_background(source: ImageSource, fit: str = "cover", keep: bytes | None = None) -> Backdrop:
    """Read a background of any kind, before the size it will be needed in is known.

    Parameters
    ----------
    source : str, path, PIL.Image.Image or array
        "checkerboard"; a color as CSS writes it (``white``, ``#1e90ff``, ``rgb(30, 144, 255)``); or an image. A file
        whose name is a color's is found as ``./white``.
    fit : {"cover", "fit"}
        How an image is scaled; see :func:`cover_frame` and :func:`fit_frame`.
    keep : bytes, optional
        An ICC profile: an image in its color space keeps its levels. Every other image becomes sRGB, which colors by
        name and the checkerboard are.

    Returns
    -------
    Backdrop

    Raises
    ------
    ImageError
        It is none of these, or an image that cannot be read.
    """
    if isinstance(source, str):
        named = named_background(source)
        if named is not None:
            return named
        if not os.path.exists(source):
            raise ImageError(
                f"background {source!r}: {no_such(source)}"
                if is_url(source)
                else f"background {source!r} is no file, no color (as in white, #1e90ff) and not {CHECKERBOARD!r}"
            )
    if fit not in FITS:
        raise ImageError(f"fit is {fit!r}; expected {' or '.join(map(repr, FITS))}")
    photo = open_photo(source, "background")
    kept = keep is not None and same_space(photo.icc_profile, keep)
    levels = photo.shown() if kept else to_srgb(photo.shown(), photo.icc_profile)
    return Backdrop(partial(cover_frame if fit == "cover" else fit_frame, levels), keep if kept else None)


def is_image_file(name: str | os.PathLike[str]) -> bool:
    """Say whether a background is in a file: its name is not a color's, and there is such a file."""
    return not (isinstance(name, str) and named_background(name)) and os.path.exists(name)


def named_background(name: str) -> Backdrop | None:
    """Give a color or the checkerboard by its name; None for what can only be an image."""
    if name == CHECKERBOARD:
        return Backdrop(checkerboard)
    try:
        levels = ImageColor.getrgb(name)[:3]
    except ValueError:
        return None
    return Backdrop(partial(_one_color, tuple(min(level, 255) for level in levels)))  # as CSS does


def cover_frame(background: NDArray[Any], height: int, width: int) -> NDArray[np.uint8]:
    """Scale a background until it covers the frame, and cut off evenly what reaches beyond.

    Parameters
    ----------
    background : (h, w, 3) array
        Levels from 0 to 255.
    height, width : int
        The frame's size.

    Returns
    -------
    (height, width, 3) uint8 array
    """
    return np.asarray(ImageOps.fit(_pillow(background), (width, height), Image.Resampling.LANCZOS))


def fit_frame(
    background: NDArray[Any], height: int, width: int, fill: tuple[int, int, int] = (0, 0, 0)
) -> NDArray[np.uint8]:
    """Scale a background until it fits into the frame as a whole, in the middle; the bars around it are filled.

    Parameters
    ----------
    background : (h, w, 3) array
        Levels from 0 to 255.
    height, width : int
        The frame's size.
    fill : three numbers
        The bars' color.

    Returns
    -------
    (height, width, 3) uint8 array
    """
    return np.asarray(ImageOps.pad(_pillow(background), (width, height), Image.Resampling.LANCZOS, color=fill))


def checkerboard(height: int, width: int, square: int = 16) -> NDArray[np.uint8]:
    """Make the gray checks that stand for transparency, dark enough for white hair and light enough for black.

    Returns
    -------
    (height, width, 3) uint8 array
        Levels 102 and 153 (GIMP's mid-tone checks), starting with 153.
    """
    rows, columns = np.arange(height) // square, np.arange(width) // square
    checks = np.where((rows[:, None] + columns) % 2, 102, 153).astype(np.uint8)
    return np.repeat(checks[..., None], 3, axis=-1)


def _one_color(color: tuple[int, ...], height: int, width: int) -> NDArray[np.uint8]:
    return np.full((height, width, 3), color, np.uint8)


def _pillow(pixels: NDArray[Any]) -> Image.Image:
    return Image.fromarray(np.rint(pixels).astype(np.uint8))
