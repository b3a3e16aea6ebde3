"""Read an alpha back from a file, on the scale of its format and not of its values: a dark alpha stays dark."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from numpy_vitmatte.errors import ImageError, warn
from numpy_vitmatte.images.npy_files import is_npy, read_npy
from numpy_vitmatte.images.reading import decode, name_of, opened
from numpy_vitmatte.images.sixteen_bits import joined, low_bytes_of, stated_depth
from numpy_vitmatte.images.value_range import likely_depth, require_depth, require_finite_numbers


def read_alpha(path: Path, what: str = "alpha", depth: int | None = None) -> NDArray[np.float64]:
    """Read an alpha.

    ==================================  ==========================
    file                                alpha
    ==================================  ==========================
    image of 1 or 8 bits                level / 255
    image of 16 bits                    level / 65535, or what `depth` says
    image of floats, ``.npy``           the value, in [0, 1]
    image with varying transparency     the transparency (cut-out)
    ==================================  ==========================

    Parameters
    ----------
    path : pathlib.Path
    what : str
        How errors name it.
    depth : {8, 10, 12, 14, 16}, optional
        Bits of gray levels in files of 16; see :func:`~numpy_vitmatte.images.value_range.to_levels`. They are not
        guessed: a dark alpha has 16.

    Returns
    -------
    (H, W) float64 array
        In [0, 1].

    Raises
    ------
    ImageError
        Not readable, in color without transparency, not of two axes (``.npy``), or not in [0, 1].

    Warns
    -----
    UserWarning
        The levels would fit into 10, 12 or 14 bits, and no depth is given.
    """
    name = name_of(path, what)
    require_depth(depth)
    alpha = _from_npy(path, name) if is_npy(path) else _from_file(path, what, depth)
    require_finite_numbers(alpha, name)
    if alpha.ndim != 2 or alpha.min() < 0 or alpha.max() > 1:
        raise ImageError(
            f"{name} has shape {alpha.shape} and values {alpha.min():g} to {alpha.max():g}; expected (height, width) "
            "and values in [0, 1]"
        )
    return alpha


def _from_npy(path: Path, name: str) -> NDArray[np.float64]:
    values = read_npy(path, name)
    if values.dtype.kind not in "f":
        raise ImageError(f"{name} holds {values.dtype}; expected floats in [0, 1]")
    return values.astype(np.float64)


def _from_file(path: Path, what: str, depth: int | None) -> NDArray[np.float64]:
    name = name_of(path, what)
    with opened(path, what) as image:
        assert isinstance(image, Image.Image)
        depth, twin = depth or stated_depth(image), low_bytes_of(image)
        image = decode(image, name)
        if twin is not None and image.mode == "RGBA":  # a cut-out of 16 bits
            values = joined(np.asarray(image), np.asarray(decode(twin, name)))[..., 3]
            if np.ptp(values):
                return values / 65535.0
        return _from_image(image, name, depth)


def _of_sixteen_bits(values: NDArray[np.float64], name: str, depth: int | None) -> NDArray[np.float64]:
    high = float(values.max())
    if depth is None and high > 255 and (bits := likely_depth(values, high)) < 16:
        warn(f"{name} has levels up to {high:g} of 65535; if it has {bits} bits, say so with --depth {bits}", 2)
    largest = (1 << (depth or 16)) - 1
    if high > largest:
        raise ImageError(
            f"{name} has levels up to {high:g}, which {depth} bits do not hold; their largest is {largest}"
        )
    return values / largest


def _from_image(image: Image.Image, name: str, depth: int | None) -> NDArray[np.float64]:
    if image.mode.startswith("I"):  # 16 bits: "I;16", and "I" where Pillow widens them
        return _of_sixteen_bits(np.asarray(image).astype(np.float64), name, depth)
    if image.mode == "F":
        return np.asarray(image).astype(np.float64)
    if image.mode in ("1", "L"):
        return np.asarray(image.convert("L")) / 255.0
    # Pillow knows no way from premultiplied gray to RGBA but over plain gray.
    colors = np.asarray((image.convert("LA") if image.mode == "La" else image).convert("RGBA"))
    if np.ptp(colors[..., 3]):
        return colors[..., 3] / 255.0
    if np.any(colors[..., :1] != colors[..., 1:3]):
        raise ImageError(f"{name} is in color and has no transparency; expected gray levels, or a cut-out")
    return colors[..., 0] / 255.0
