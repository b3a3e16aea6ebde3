"""Read an alpha back from a file, on the scale of its format and not of its values: a dark alpha stays dark."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from numpy_vitmatte.errors import ImageError
from numpy_vitmatte.images.npy_files import is_npy, read_npy
from numpy_vitmatte.images.reading import name_of, open_image
from numpy_vitmatte.images.value_range import require_finite_numbers


def read_alpha(path: Path, what: str = "alpha") -> NDArray[np.float64]:
    """Read an alpha.

    ==================================  ==========================
    file                                alpha
    ==================================  ==========================
    image of 1 or 8 bits                level / 255
    image of 16 bits                    level / 65535
    image of floats, ``.npy``           the value, in [0, 1]
    image with varying transparency     the transparency (cut-out)
    ==================================  ==========================

    Parameters
    ----------
    path : pathlib.Path
    what : str
        How errors name it.

    Returns
    -------
    (H, W) float64 array
        In [0, 1].

    Raises
    ------
    ImageError
        Not readable, in colour without transparency, not of two axes (``.npy``), or not in [0, 1].
    """
    name = name_of(path, what)
    alpha = _from_npy(path, name) if is_npy(path) else _from_image(open_image(path, what), name)
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


def _from_image(image: Image.Image, name: str) -> NDArray[np.float64]:
    if image.mode.startswith("I"):  # 16 bits: "I;16", and "I" where Pillow widens them
        return np.asarray(image).astype(np.float64) / 65535
    if image.mode == "F":
        return np.asarray(image).astype(np.float64)
    if image.mode in ("1", "L"):
        return np.asarray(image.convert("L")) / 255.0
    # Pillow knows no way from premultiplied grey to RGBA but over plain grey.
    colors = np.asarray((image.convert("LA") if image.mode == "La" else image).convert("RGBA"))
    if np.ptp(colors[..., 3]):
        return colors[..., 3] / 255.0
    if np.any(colors[..., :1] != colors[..., 1:3]):
        raise ImageError(f"{name} is in colour and has no transparency; expected grey levels, or a cut-out")
    return colors[..., 0] / 255.0
