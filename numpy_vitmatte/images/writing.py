"""Writing results: checked before the work begins, whole or not at all, never over an existing file unasked."""

import os
import zlib
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, features

from numpy_vitmatte.errors import VitMatteError
from numpy_vitmatte.files.atomic_write import UndoError, replace_together, temporary_beside
from numpy_vitmatte.images.value_range import to_integers
from numpy_vitmatte.images.wide_png import write_wide_png
from numpy_vitmatte.images.wide_tiff import write_wide_tiff

TRANSPARENT_SUFFIXES = (".png", ".webp", ".tif", ".tiff")
"""Pictures with transparency, written without loss."""

ALPHA_SUFFIXES = (*TRANSPARENT_SUFFIXES, ".npy")
PICTURE_SUFFIXES = (*TRANSPARENT_SUFFIXES, ".jpg", ".jpeg")

# Filtered rows are runs and noise. Looking only for runs takes a quarter of the time for a cut-out, and 2 % more bytes.
PNG_OPTIONS: dict[str, Any] = {"compress_type": zlib.Z_RLE}
"""Pillow's options for a PNG: few bytes soon."""

_FORMATS: dict[str, tuple[str, dict[str, Any]]] = {
    ".jpg": ("JPEG", {"quality": 95, "subsampling": 0}),
    ".jpeg": ("JPEG", {"quality": 95, "subsampling": 0}),
    ".webp": ("WEBP", {"lossless": True}),
    ".tif": ("TIFF", {}),
    ".tiff": ("TIFF", {}),
}

Writer: TypeAlias = Callable[[IO[bytes]], object]
"""Puts the content of a file into it."""


def check_output(path: str | os.PathLike[str], suffixes: tuple[str, ...], overwrite: bool) -> Path:
    """Say what keeps a file from being written, before anything is computed for it.

    Parameters
    ----------
    path : path
    suffixes : tuple of str
        The formats that can be written, in lower case.
    overwrite : bool
        Whether an existing file may be replaced.

    Returns
    -------
    pathlib.Path

    Raises
    ------
    VitMatteError
        Another suffix, no such folder, a directory, or an existing file.
    """
    path = Path(path)
    if path.suffix.lower() not in suffixes:
        found = f"ends in {path.suffix!r}" if path.suffix else "has no ending"
        listed = " or ".join(filter(None, [", ".join(suffixes[:-1]), suffixes[-1]]))
        raise VitMatteError(f"output {str(path)!r} {found}; expected {listed}")
    if not os.path.isdir(path.parent):
        raise VitMatteError(f"output {str(path)!r}: there is no such folder; create it first")
    if os.path.isdir(path):
        raise VitMatteError(f"output {str(path)!r} is a directory; expected the name of a file")
    if os.path.lexists(path) and not overwrite:  # a link that leads nowhere is someone's as well
        raise VitMatteError(f"output {str(path)!r} exists already; choose another name, or overwrite it with --force")
    return path


def save_alpha(path: str | os.PathLike[str], alpha: NDArray[np.floating[Any]], bits: int = 8) -> None:
    """Write an alpha, replacing what was there.

    Parameters
    ----------
    path : path
        ``.png``, ``.tif`` and ``.webp`` take gray levels, rounded; ``.npy`` takes the float32 values themselves.
    alpha : (H, W) float array
        In [0, 1].
    bits : {8, 16}
        Bits of a PNG or TIFF.

    Raises
    ------
    VitMatteError
        If it cannot be written; then nothing is left behind.
    """
    write_together({Path(path): alpha_writer(Path(path), alpha, bits)})


def save_png(path: str | os.PathLike[str], pixels: NDArray[Any]) -> None:
    """Write an image as PNG, replacing what was there.

    Parameters
    ----------
    path : path
    pixels : (H, W) uint8 or uint16, (H, W, 3) or (H, W, 4) uint8 array

    Raises
    ------
    VitMatteError
        If it cannot be written; then nothing is left behind.
    """
    write_together({Path(path): picture_writer(Path("picture.png"), pixels)})


def alpha_writer(path: Path, alpha: NDArray[np.floating[Any]], bits: int = 8) -> Writer:
    """Choose how an alpha is written by the format of a file name; parameters as for :func:`save_alpha`."""
    if path.suffix.lower() == ".npy":
        return lambda file: np.save(file, np.asarray(alpha, np.float32))
    return picture_writer(path, to_integers(alpha, bits))


def picture_writer(path: Path, pixels: NDArray[Any], icc_profile: bytes | None = None) -> Writer:
    """Choose how an image is written by its file name.

    Parameters
    ----------
    path : pathlib.Path
        JPEG has quality 95 and colors at full size; WebP, TIFF and PNG, which every other name means, lose nothing.
    pixels : (H, W), (H, W, 3) or (H, W, 4) array
        uint8; gray, and the colors of a PNG or TIFF, may be uint16.
    icc_profile : bytes, optional
        What the colors mean; it is embedded.
    """
    pixels = np.ascontiguousarray(pixels)
    kind, options = _FORMATS.get(path.suffix.lower(), ("PNG", PNG_OPTIONS))
    if pixels.dtype == np.uint16 and pixels.ndim == 3:
        write = write_wide_tiff if kind == "TIFF" else write_wide_png
        return lambda file: write(file, pixels, icc_profile)
    if kind == "TIFF" and features.check("libtiff"):
        options = {"compression": "tiff_adobe_deflate"}
    return lambda file: Image.fromarray(pixels).save(file, kind, icc_profile=icc_profile, **options)


def text_writer(text: str) -> Writer:
    """Write a text file in UTF-8; files' names in it that are none keep their bytes."""
    return lambda file: file.write(text.encode(errors="surrogateescape"))


def write_together(writers: Mapping[Path, Writer]) -> None:
    """Write several files, all or none: each under a temporary name, and when all are whole they are renamed.

    Parameters
    ----------
    writers : mapping of path to Writer
        What stood at a path is replaced.

    Raises
    ------
    VitMatteError
        Naming the file that cannot be written; then nothing has changed, or the message says what has.
    """
    path = Path()
    with ExitStack() as temporaries:
        try:
            places = {}
            for path, write in writers.items():
                places[path] = temporaries.enter_context(temporary_beside(path))
                with places[path].open("wb") as file:
                    write(file)
                    file.flush()
                    # Without this a power cut after the renaming can leave an empty file under the final name.
                    os.fsync(file.fileno())
        except OSError as error:
            raise VitMatteError(f"output {str(path)!r} cannot be written: {error.strerror or error}") from error
        except ValueError as error:  # WebP holds sides of up to 16383 pixels, JPEG of 65535
            other = ".png" if path.suffix.lower().startswith(".tif") else ".png or .tif"
            raise VitMatteError(f"output {str(path)!r} cannot be written: {error}; choose {other}") from error
        try:
            replace_together(places)
        except UndoError as error:
            raise VitMatteError(f"the outputs are written in part: {error.strerror}") from error
        except OSError as error:
            others = "; the other outputs are as they were before" if len(writers) > 1 else ""
            raise VitMatteError(
                f"output {str(error.filename)!r} cannot be written: {error.strerror}{others}"
            ) from error
