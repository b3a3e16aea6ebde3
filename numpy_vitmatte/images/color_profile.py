"""Colors are converted from the space of a photo's ICC profile to sRGB, which the network was trained on.

Colors of 8 bits are converted by littlecms, which comes with Pillow, where Pillow was built with it; colors of more
bits, gray, and everything else without littlecms by :mod:`~numpy_vitmatte.images.icc_file`. The intent is relative
colorimetric with black point compensation, as in most photo editors.
"""

import functools
import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, features

from numpy_vitmatte.images.icc_file import color_space, matrix_profile

try:
    from PIL import ImageCms
except ImportError:  # Pillow before 11 that was built without littlecms
    ImageCms = None  # type: ignore[assignment]

_BAND = 1 << 20
"""Pixels that littlecms converts at once; Pillow holds each in four bytes, before and after."""

_CREATED = bytes.fromhex("07d0 0001 0001 0000 0000 0000")
"""A fixed date for the profile that littlecms makes, so that the same photo gives the same file on any day."""


def has_littlecms() -> bool:
    """Say whether this Pillow was built with littlecms."""
    return bool(features.check_module("littlecms2"))


def unusable(icc: bytes, space: str) -> str | None:
    """Say why a profile cannot be followed.

    Parameters
    ----------
    icc : bytes
        The profile as a file embeds it.
    space : {"RGB", "GRAY", "CMYK"}
        The kind of pixels that the file has. Gray pixels may have a profile for RGB.

    Returns
    -------
    str or None
        None if it can be followed.
    """
    found = color_space(icc)
    if not found:
        return "it is damaged"
    if found != space and (space, found) != ("GRAY", "RGB"):
        return f"it is for {found} pixels and the pixels are {space}"
    if found != "CMYK" and _curves(icc) is not None:
        return None
    if not has_littlecms():
        return "it holds tables, and this Pillow was built without littlecms"
    return None if _littlecms_reads(icc, "CMYK" if found == "CMYK" else "RGB") else "littlecms cannot read it"


@functools.lru_cache(maxsize=8)
def is_srgb(icc: bytes | None) -> bool:
    """Say whether colors of a profile are sRGB's, to one level of 255, whatever its name; None is sRGB."""
    if icc is None:
        return True
    steps = np.arange(0, 256, 15, dtype=np.uint8)
    grid = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(len(steps), -1, 3)
    if color_space(icc) == "GRAY":
        grid = np.repeat(np.arange(256, dtype=np.uint8)[:, None, None], 3, axis=-1)
    return bool(np.abs(_converted(grid, icc).astype(np.int16) - grid).max() <= 1)


def same_space(one: bytes | None, other: bytes | None) -> bool:
    """Say whether levels mean the same colors under two profiles."""
    return one == other or (is_srgb(one) and is_srgb(other))


def to_srgb(levels: NDArray[Any], icc: bytes | None) -> NDArray[Any]:
    """Convert levels of a profile's color space to sRGB.

    Parameters
    ----------
    levels : (H, W, 3) array
        From 0 to 255.
    icc : bytes or None
        A profile that :func:`unusable` has nothing against; None: the levels are sRGB already.

    Returns
    -------
    (H, W, 3) array
        uint8 where the levels are; otherwise float32, not rounded. The levels themselves where the profile is sRGB's.
    """
    return levels if is_srgb(icc) else _converted(levels, icc or b"")


def cmyk_to_srgb(image: Image.Image, icc: bytes) -> Image.Image:
    """Convert a Pillow image of print colors by its profile; there is no other way to RGB that shows its colors."""
    converted = ImageCms.applyTransform(image, _transform(icc, "CMYK"))
    assert converted is not None
    return converted


@functools.cache
def srgb_profile() -> bytes | None:
    """Return a profile that says sRGB, for pictures whose colors were converted to it; None without littlecms."""
    if not has_littlecms():
        return None
    icc = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return icc[:24] + _CREATED + icc[36:]


def profile_name(icc: bytes) -> str:
    """Give the name that a profile has for itself, such as ``Display P3``."""
    if not has_littlecms():
        return "an ICC profile"
    try:
        return ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(icc))).strip()
    except (ImageCms.PyCMSError, OSError, ImportError, ValueError):
        return "an ICC profile"


def _converted(levels: NDArray[Any], icc: bytes) -> NDArray[Any]:
    curves = _curves(icc)
    eight_bit = levels.dtype == np.uint8
    if curves is not None and not (eight_bit and color_space(icc) == "RGB" and _littlecms_reads(icc, "RGB")):
        converted = curves.srgb(levels)
        return np.rint(converted).astype(np.uint8) if eight_bit else converted
    # A profile of tables: littlecms knows them in 8 bits only.
    out = np.empty(levels.shape, np.uint8 if eight_bit else np.float32)
    rows = max(1, _BAND // max(1, levels.shape[1]))
    for top in range(0, len(levels), rows):
        band = np.ascontiguousarray(np.rint(levels[top : top + rows]).astype(np.uint8))
        out[top : top + rows] = np.asarray(ImageCms.applyTransform(Image.fromarray(band), _transform(icc, "RGB")))
    return out


@functools.lru_cache(maxsize=8)
def _curves(icc: bytes) -> Any:
    """Return the profile's curves and matrix, if they give numbers for all colors; None otherwise."""
    found = matrix_profile(icc)
    if found is None:
        return None
    with np.errstate(all="ignore"):
        corners = found.srgb(np.repeat(np.arange(256.0)[None, :, None], 3, axis=-1))
    return found if np.isfinite(corners).all() else None


@functools.lru_cache(maxsize=8)
def _littlecms_reads(icc: bytes, mode: str) -> bool:
    try:
        return has_littlecms() and _transform(icc, mode) is not None
    except (ImageCms.PyCMSError, OSError, ValueError):
        return False


@functools.lru_cache(maxsize=8)
def _transform(icc: bytes, mode: str) -> Any:
    return ImageCms.buildTransform(
        ImageCms.ImageCmsProfile(io.BytesIO(icc)),
        ImageCms.createProfile("sRGB"),
        mode,
        "RGB",
        ImageCms.Intent.RELATIVE_COLORIMETRIC,
        ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )
