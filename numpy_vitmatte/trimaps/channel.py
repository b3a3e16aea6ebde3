"""The channel of an image that is its trimap or mask: one value per pixel out of any Pillow mode or channel count.

Sources, here and in every function that takes a trimap or mask, are a path, a Pillow image, or an array of shape
(H, W), (H, W, C) or (C, H, W), where C is 1, 3 or 4. Levels go from 0 to 255.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from numpy_vitmatte.errors import ImageError
from numpy_vitmatte.images.reading import (
    ImageSource,
    as_array,
    channels_last,
    is_file_or_image,
    name_of,
    open_image,
    opened,
    photo_array,
)
from numpy_vitmatte.images.sixteen_bits import joined, low_bytes_of, stated_depth
from numpy_vitmatte.images.value_range import to_levels

GRAY_TOLERANCE = 32
"""Levels by which red, green and blue may differ in an image that is still taken for gray (JPEG's chroma errors)."""

_WITH_ALPHA = ("LA", "La", "PA", "RGBA", "RGBa")


def trimap_levels(source: ImageSource, what: str, depth: int | None = None) -> tuple[NDArray[Any], str]:
    """Take the channel of an image that is its trimap.

    Colors that are gray are taken as gray. If an image in one single color has transparency, the transparency is the
    trimap (a mask exported as alpha); if the gray varies too, transparent counts as background, as it looks.

    Parameters
    ----------
    source : path, PIL.Image.Image or array
    what : str
        How errors name it.
    depth : int, optional
        Bits of integers that have more than 8; see :func:`~numpy_vitmatte.images.value_range.to_levels`.

    Returns
    -------
    levels : (H, W) array
    understood_as : str
        What the values and channels were taken for, for reports.

    Raises
    ------
    ImageError
        If it cannot be read, is not finite, or is in color.
    """
    levels, understood_as, name = _channels(source, what, depth)
    gray = _gray(
        levels,
        f"{name} is in color",
        "expected gray: black background, white foreground, gray unknown. Were photo and trimap exchanged?",
    )
    if not _shows_through(levels):
        return gray, understood_as
    alpha = levels[..., 3]
    if np.ptp(gray) == 0:
        return alpha, f"transparency, {understood_as}"
    return gray * (alpha / 255.0), f"{understood_as}, transparent is background"


def mask_levels(source: ImageSource, what: str, depth: int | None = None) -> tuple[NDArray[Any], str]:
    """Take the channel of an image that is its mask: the transparency of a cut-out, else the gray.

    Parameters and results are those of :func:`trimap_levels`; 0 is background, 255 foreground.

    Raises
    ------
    ImageError
        If it cannot be read, is not finite, or is in color and opaque.
    """
    levels, understood_as, name = _channels(source, what, depth)
    if _shows_through(levels):
        return levels[..., 3], f"transparency, {understood_as}"
    transparency = "has no transparency" if levels.shape[-1] < 4 else "is equally transparent everywhere"
    gray = _gray(
        levels,
        f"{name} is in color and {transparency}",
        "expected a gray mask, black background and white foreground, or a cut-out with transparency",
    )
    return gray, understood_as


def _channels(source: ImageSource, what: str, depth: int | None) -> tuple[NDArray[Any], str, str]:
    """Return levels (H, W, C) of any source, C = 1, 3 or 4; what its values were taken for; how errors name it."""
    if is_file_or_image(source):
        name = name_of(source, what)
        with opened(source, what) as image:
            assert isinstance(image, Image.Image)
            depth = depth or stated_depth(image)
            low = low_bytes_of(image)
            channels = _pillow_channels(open_image(image, what), name)
            if low is not None:
                channels = joined(channels, _pillow_channels(open_image(low, what), name))
    else:
        name = what
        channels = channels_last(as_array(source, what), what)
    levels, understood_as = to_levels(channels, name, depth)
    steps = _label_steps(channels[..., :3]) if depth is None else 0
    if steps:
        levels = np.concatenate([levels[..., :3] * (255.0 / steps), levels[..., 3:]], axis=-1)
        understood_as = "values 0 and 1" if steps == 1 else "values 0, 1 and 2"
    return levels, understood_as, name


def _shows_through(levels: NDArray[Any]) -> bool:
    """Say whether there is a transparency that differs from pixel to pixel."""
    return levels.shape[-1] == 4 and bool(np.ptp(levels[..., 3]))


def _pillow_channels(image: Image.Image, name: str) -> NDArray[Any]:
    if image.mode in ("1", "L", "F") or image.mode.startswith("I"):
        return np.asarray(image)[..., None]
    if image.mode in _WITH_ALPHA or (image.mode == "P" and "transparency" in image.info):
        # Pillow knows no way from premultiplied gray to RGBA but over plain gray.
        image = image.convert("LA") if image.mode == "La" else image
        return np.asarray(image.convert("RGBA"))
    return photo_array(image, name)


def _label_steps(colors: NDArray[Any]) -> int:
    """Return the highest label if the values are labels (0 and 1, or 0, 1 and 2) rather than levels, else 0."""
    highest = colors.max()
    if colors.dtype.kind in "iu" and highest in (1, 2):
        return int(highest)
    return 2 if colors.dtype.kind == "f" and highest == 2 and not np.any(colors % 1) else 0


def _gray(levels: NDArray[Any], trouble: str, remedy: str) -> NDArray[Any]:
    """(H, W, C) -> (H, W), C = 1, 3 or 4: the colors' common value."""
    if levels.shape[-1] == 1:
        return levels[..., 0]
    colors = levels[..., :3]
    spread = float(np.max(colors.max(axis=-1).astype(np.float64) - colors.min(axis=-1)))
    if spread > GRAY_TOLERANCE:
        raise ImageError(f"{trouble} (red, green and blue differ by up to {spread:.0f} of 255); {remedy}")
    return colors[..., 0] if spread == 0 else colors.mean(axis=-1)
