"""Opening photos and trimaps: paths, Pillow images and arrays become upright, well-defined arrays."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias, TypeGuard, Union

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile

from numpy_vitmatte.errors import ImageError, one_line
from numpy_vitmatte.files.missing import no_such
from numpy_vitmatte.images.formats import open_listed, require_listed
from numpy_vitmatte.images.npy_files import is_npy, read_npy
from numpy_vitmatte.images.orientation import load_as_stored, upright
from numpy_vitmatte.images.tensors import array_of, is_tensor
from numpy_vitmatte.images.value_range import to_levels

FilePath: TypeAlias = Union[str, "os.PathLike[str]"]
ImageSource: TypeAlias = FilePath | Image.Image | NDArray[Any]

PHOTO_CHANNELS = (1, 3, 4)
"""Gray, RGB and RGBA: the channel counts that transformers' ``infer_channel_dimension_format`` looks for."""


def is_file(source: object) -> TypeGuard[FilePath]:
    """Say whether a source is a path."""
    return isinstance(source, (str, os.PathLike))


def is_file_or_image(source: object) -> TypeGuard[FilePath | Image.Image]:
    """Say whether Pillow decodes a source: a Pillow image, or a path that does not end in ``.npy``.

    Every other source is taken for an array; see :func:`as_array`.
    """
    return (is_file(source) and not is_npy(source)) or isinstance(source, Image.Image)


def name_of(source: object, what: str) -> str:
    """Say how errors name a source: ``photo 'cat.jpg'`` for a file, also one that Pillow has opened, else ``photo``."""
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
        For a path, a Pillow image that is closed at the end of the block, or the mapped array of a ``.npy`` file; any
        other source as it is.

    Raises
    ------
    ImageError
        If the file cannot be opened; see :func:`open_image`.
    """
    if not is_file(source) or is_npy(source):
        yield as_array(source, what) if is_file(source) else source
        return
    with _opened_file(source, name_of(source, what)) as image:
        yield image


def open_image(source: FilePath | Image.Image, what: str = "image") -> Image.Image:
    """Decode an image file, or a Pillow image that may not be decoded yet, and turn it upright.

    An animation gives its first frame. The EXIF orientation is applied, so that rows are rows of the image as a viewer
    shows it; transformers does so for paths and not for Pillow images. XMP's is not
    (:mod:`~numpy_vitmatte.images.orientation`).

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
        return decode(source, name)
    with _opened_file(source, name) as image:
        return decode(image, name)


def photo_array(image: Image.Image, what: str = "photo", depth: int | None = None) -> NDArray[Any]:
    """Return the pixels of a decoded Pillow image of any mode.

    Parameters
    ----------
    image : PIL.Image.Image
    what : str
        How errors name it.
    depth : int, optional
        See :func:`~numpy_vitmatte.images.value_range.to_levels`.

    Returns
    -------
    (H, W, 3) array
        uint8; floats in [0, 255] where a mode of more than 8 bits (``I;16``, ``I``, ``F``) holds more than 8 bits.
    """
    if image.mode.startswith("I") or image.mode == "F":
        levels, _ = to_levels(np.asarray(image), what, depth)
        return rgb(levels[..., None])
    try:
        if image.mode in ("P", "PA", "RGBa", "La"):
            # Pillow has no direct way to RGB from a palette with transparency or from premultiplied colors.
            image = image.convert("LA" if image.mode == "La" else "RGBA")
        return np.asarray(image if image.mode == "RGB" else image.convert("RGB"))
    except ValueError:
        raise ImageError(
            f"{what} has Pillow mode {image.mode!r}, which has no conversion to RGB; convert it first"
        ) from None


def as_array(source: object, what: str) -> NDArray[Any]:
    """Take the array behind anything that offers one (NumPy arrays, torch tensors on the CPU, ``.npy`` files, ...)."""
    if is_file(source):
        return read_npy(source, name_of(source, what))
    if isinstance(source, np.ndarray):
        return np.asarray(source)  # a matrix as the array that it is
    if is_tensor(source):
        return array_of(source)
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
    """(H, W, C) with C = 1, 3 or 4 -> (H, W, 3): gray repeated, alpha dropped."""
    return np.repeat(array, 3, axis=-1) if array.shape[-1] == 1 else array[..., :3]


@contextmanager
def _opened_file(path: FilePath, name: str) -> Iterator[Image.Image]:
    """Open a file by its header, and close it at the end of the block."""
    if os.path.isdir(path):
        raise ImageError(f"{name} is a directory; expected an image file")
    try:
        file = open(path, "rb")  # noqa: SIM115  (closed below; what is wrong with the block is no error of opening)
    except FileNotFoundError:
        raise ImageError(f"{name}: {no_such(path)}") from None
    except PermissionError:
        raise ImageError(f"{name} cannot be read: permission denied") from None
    except (OSError, ValueError) as error:  # ValueError: a null character in the name
        raise ImageError(f"{name} cannot be read: {one_line(error)}") from error
    with file:
        yield open_listed(file, name, os.fspath(path))


def decode(image: Image.Image, name: str) -> Image.Image:
    """Load the pixels and turn them upright."""
    require_listed(image, name)
    if 0 in image.size:
        raise ImageError(f"{name} has {image.width} x {image.height} pixels; at least one is needed")
    try:
        load_as_stored(image)
        return upright(image)
    except Image.DecompressionBombError as error:  # a frame is larger than the header says
        raise ImageError(f"{name} is refused: {one_line(error)}") from None
    except Exception as error:  # Pillow's decoders raise OSError, SyntaxError, struct.error, zlib.error, ...
        raise ImageError(f"{name} is damaged and cannot be decoded: {one_line(error)}") from error
