"""Opening photos and trimaps: paths, Pillow images and arrays become upright, well-defined arrays."""

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO, Any, TypeAlias, TypeGuard, Union

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageFile, ImageOps

from numpy_vitmatte.errors import ImageError, one_line
from numpy_vitmatte.images.formats import open_listed, require_listed
from numpy_vitmatte.images.value_range import to_levels

FilePath: TypeAlias = Union[str, "os.PathLike[str]"]
ImageSource: TypeAlias = FilePath | Image.Image | NDArray[Any]

PHOTO_CHANNELS = (1, 3, 4)
"""Grey, RGB and RGBA: the channel counts that transformers' ``infer_channel_dimension_format`` looks for."""


def is_file(source: object) -> TypeGuard[FilePath]:
    """Whether a source is a path."""
    return isinstance(source, (str, os.PathLike))


def is_file_or_image(source: object) -> TypeGuard[FilePath | Image.Image]:
    """Whether Pillow decodes a source: a path or a Pillow image. Every other source is taken for an array."""
    return is_file(source) or isinstance(source, Image.Image)


def name_of(source: object, what: str) -> str:
    """How errors name a source: ``photo 'cat.jpg'`` for a file, also one that Pillow has opened, else ``photo``."""
    path = source.filename if isinstance(source, ImageFile.ImageFile) else source
    return f"{what} {os.fspath(path)!r}" if is_file(path) and path else what


@contextmanager
def opened(source: ImageSource, what: str) -> Iterator[ImageSource]:
    """Open a file without decoding it, so that its header can be judged before its pixels take memory.

    Parameters
    ----------
    source : path, PIL.Image.Image or array
    what : str
        How errors name it.

    Yields
    ------
    PIL.Image.Image or array
        For a path, a Pillow image that is closed at the end of the block; any other source as it is.

    Raises
    ------
    ImageError
        If the file cannot be opened; see :func:`open_image`.
    """
    if not is_file(source):
        yield source
        return
    with _opened_file(source, name_of(source, what)) as image:
        yield image


def open_image(source: FilePath | Image.Image, what: str = "image") -> Image.Image:
    """Decode an image file, or a Pillow image that may not be decoded yet, and turn it upright.

    An animation gives its first frame. The EXIF orientation is applied, so that rows are rows of the image as a viewer
    shows it; transformers does so for paths and not for Pillow images.

    Parameters
    ----------
    source : path or PIL.Image.Image
    what : str
        "photo" or "trimap", for the errors.

    Returns
    -------
    PIL.Image.Image
        Decoded and upright, in its own mode, with at least one pixel. A Pillow image that is upright already is given
        back itself: do not change it.

    Raises
    ------
    ImageError
        No such file, a directory, not an image, truncated, no pixels, or more pixels than
        :func:`~numpy_vitmatte.images.pixel_limit.pixel_limit` lets pass.
    """
    name = name_of(source, what)
    if isinstance(source, Image.Image):
        return _decode(source, name)
    with _opened_file(source, name) as image:
        return _decode(image, name)


def open_stream(file: IO[bytes], name: str, formats: Sequence[str] = ()) -> Image.Image:
    """Open an image that is no file on disk by its header; its pixels are decoded when they are asked for.

    Parameters
    ----------
    file, name, formats
        As for :func:`~numpy_vitmatte.images.formats.open_listed`.

    Raises
    ------
    ImageError
        As :func:`~numpy_vitmatte.images.formats.open_listed`.
    """
    return open_listed(file, name, formats=formats)


def read_photo(source: ImageSource, what: str = "photo") -> NDArray[Any]:
    """Read a photo as an RGB array of levels from 0 to 255.

    Grey is repeated over the three channels; an alpha channel is dropped, which leaves the colours that lie under it.

    Parameters
    ----------
    source : path, PIL.Image.Image, or array of shape (H, W), (H, W, C) or (C, H, W), C one of 1, 3, 4
        Arrays may be boolean, of 8- or 16-bit integers, or floats in [0, 1] or [0, 255].
    what : str
        How errors name it.

    Returns
    -------
    (H, W, 3) array
        uint8 where the source has 8 bits; otherwise the caller's numbers without rounding, as floats in [0, 255].

    Raises
    ------
    ImageError
    """
    if is_file_or_image(source):
        return photo_array(open_image(source, what), name_of(source, what))
    levels, _ = to_levels(channels_last(as_array(source, what), what), what)
    return rgb(levels)


def photo_array(image: Image.Image, what: str = "photo") -> NDArray[Any]:
    """Pixels of a decoded Pillow image of any mode.

    Returns
    -------
    (H, W, 3) array
        uint8; floats in [0, 255] where a mode of more than 8 bits (``I;16``, ``I``, ``F``) holds more than 8 bits.
    """
    if image.mode.startswith("I") or image.mode == "F":
        levels, _ = to_levels(np.asarray(image), what)
        return rgb(levels[..., None])
    try:
        if image.mode in ("P", "PA", "RGBa", "La"):
            # Pillow has no direct way to RGB from a palette with transparency or from premultiplied colours.
            image = image.convert("LA" if image.mode == "La" else "RGBA")
        return np.asarray(image if image.mode == "RGB" else image.convert("RGB"))
    except ValueError:
        raise ImageError(
            f"{what} has Pillow mode {image.mode!r}, which has no conversion to RGB; convert it first"
        ) from None


def as_array(source: object, what: str) -> NDArray[Any]:
    """Take the array behind anything that offers one (NumPy arrays, torch tensors on the CPU, ...)."""
    if isinstance(source, np.ndarray):
        return source
    if hasattr(source, "__array__"):
        return np.asarray(source)
    raise ImageError(f"{what} is a {type(source).__name__}; expected a path, a Pillow image or an array")


def channels_last(array: NDArray[Any], what: str) -> NDArray[Any]:
    """Bring an image array to (H, W, C).

    Parameters
    ----------
    array : (H, W), (H, W, C) or (C, H, W) array
        C is 1, 3 or 4. Where both ends could be C, C is the last axis.

    Returns
    -------
    (H, W, C) array
        A view.
    """
    if array.ndim == 2:
        return array[..., None]
    if array.ndim == 3 and array.shape[-1] in PHOTO_CHANNELS:
        return array
    if array.ndim == 3 and array.shape[0] in PHOTO_CHANNELS:
        return np.moveaxis(array, 0, -1)
    raise ImageError(
        f"{what} has shape {array.shape}; expected (height, width), or three axes with 1, 3 or 4 channels first or last"
    )


def rgb(array: NDArray[Any]) -> NDArray[Any]:
    """(H, W, C) with C = 1, 3 or 4 -> (H, W, 3): grey repeated, alpha dropped."""
    return np.repeat(array, 3, axis=-1) if array.shape[-1] == 1 else array[..., :3]


@contextmanager
def _opened_file(path: FilePath, name: str) -> Iterator[Image.Image]:
    """Open a file by its header, and close it at the end of the block."""
    if os.path.isdir(path):
        raise ImageError(f"{name} is a directory; expected an image file")
    try:
        file = open(path, "rb")  # noqa: SIM115  (closed below; what is wrong with the block is no error of opening)
    except FileNotFoundError:
        raise ImageError(f"{name}: no such file{_not_fetched(path)}") from None
    except PermissionError:
        raise ImageError(f"{name} cannot be read: permission denied") from None
    except (OSError, ValueError) as error:  # ValueError: a null character in the name
        raise ImageError(f"{name} cannot be read: {one_line(error)}") from error
    with file:
        yield open_listed(file, name, os.fspath(path))


def _not_fetched(path: FilePath) -> str:
    """What to add where a name looks like an address on the web."""
    is_address = re.match(r"[a-z][a-z0-9+.-]*:/", os.fsdecode(path), re.IGNORECASE)
    return "; addresses on the web are not fetched, download it first" if is_address else ""


def _decode(image: Image.Image, name: str) -> Image.Image:
    """Load the pixels and turn them upright."""
    require_listed(image, name)
    if 0 in image.size:
        raise ImageError(f"{name} has {image.width} x {image.height} pixels; at least one is needed")
    try:
        image.load()
        upright = image.getexif().get(ExifTags.Base.Orientation, 1) not in range(2, 9)
        return image if upright else ImageOps.exif_transpose(image)
    except Image.DecompressionBombError as error:  # a frame is larger than the header says
        raise ImageError(f"{name} is refused: {one_line(error)}") from None
    except Exception as error:  # Pillow's decoders raise OSError, SyntaxError, struct.error, zlib.error, ...
        raise ImageError(f"{name} is damaged and cannot be decoded: {one_line(error)}") from error
