"""Images made with an alpha: the cut-out, the subject before another background, and all of them side by side.

All follow the compositing equation ``alpha * foreground + (1 - alpha) * background`` (Porter and Duff 1984). The
foreground is the photo itself, whose half-transparent pixels keep the old background's share of color, or what
:func:`~numpy_vitmatte.matting.foreground.estimate_foreground` makes of it.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numpy_vitmatte.errors import ImageError
from numpy_vitmatte.images.color_profile import same_space, srgb_profile, to_srgb
from numpy_vitmatte.images.linear_light import from_light, to_light
from numpy_vitmatte.images.value_range import to_integers
from numpy_vitmatte.matting.background import Backdrop, checkerboard

_GAP = 8
"""White columns between images that stand side by side."""


def cutout(
    foreground: NDArray[Any], alpha: NDArray[np.floating[Any]], bits: int = 8, *, blank: bool | None = None
) -> NDArray[Any]:
    """Give colors their alpha as transparency.

    Parameters
    ----------
    foreground : (H, W, 3) array
        The subject's colors, or the photo's: levels from 0 to 255.
    alpha : (H, W) float array
        In [0, 1].
    bits : {8, 16}
    blank : bool, optional
        Make colors that alpha hides wholly black: whoever gets a photo's cut-out does not get what was cut away. The
        default is True, but False for float32, as :func:`~numpy_vitmatte.estimate_foreground` gives it: estimated ones
        continue the subject's colors there, and a photo's own are uint8 or float64.

    Returns
    -------
    (H, W, 4) uint8 or uint16 array
        Straight (not premultiplied) alpha, as PNG has it.

    Raises
    ------
    ImageError
        If the sizes differ.
    """
    check_size(foreground, alpha)
    cover = to_integers(alpha, bits)
    colors = _eight_bit(foreground) if bits == 8 else _sixteen_bit(foreground)
    if foreground.dtype != np.float32 if blank is None else blank:
        colors = colors * (cover > 0)[..., None]
    return np.dstack([colors, cover])


def composite(
    foreground: NDArray[Any],
    alpha: NDArray[np.floating[Any]],
    background: NDArray[Any] | Sequence[int],
    *,
    linear: bool = False,
) -> NDArray[np.uint8]:
    """Put the subject before another background.

    Parameters
    ----------
    foreground : (H, W, 3) array
        The subject's colors, or the photo's: levels from 0 to 255.
    alpha : (H, W) float array
        In [0, 1].
    background : (H, W, 3) array, or three numbers
        An image or a color, levels from 0 to 255.
    linear : bool
        Blend amounts of light (see :mod:`~numpy_vitmatte.images.linear_light`) instead of stored levels.

    Returns
    -------
    (H, W, 3) uint8 array

    Raises
    ------
    ImageError
        If the sizes differ.
    """
    check_size(foreground, alpha)
    try:
        behind = np.asarray(background, np.float32)
    except (TypeError, ValueError):
        raise ImageError(f"background is a {type(background).__name__}; expected three numbers or an array") from None
    if behind.shape not in ((3,), foreground.shape):
        raise ImageError(
            f"background has shape {behind.shape}; expected three numbers, or {foreground.shape} as the photo"
        )
    cover = np.asarray(alpha, np.float32)[..., None]
    if linear:
        return _eight_bit(from_light(cover * to_light(foreground) + (1 - cover) * to_light(behind)))
    return _eight_bit(cover * np.asarray(foreground, np.float32) + (1 - cover) * behind)


def composite_in_one_space(
    colors: NDArray[Any],
    alpha: NDArray[np.floating[Any]],
    icc_profile: bytes | None,
    backdrop: Backdrop,
    *,
    linear: bool = False,
) -> tuple[NDArray[np.uint8], bytes | None]:
    """Blend in the photo's color space where the background is in it too, otherwise in sRGB.

    Parameters
    ----------
    colors, alpha, linear
        See :func:`composite`.
    icc_profile : bytes or None
        The color space of `colors`; None: sRGB.
    backdrop : Backdrop

    Returns
    -------
    picture : (H, W, 3) uint8 array
    icc_profile : bytes or None
        The color space of the picture, to be embedded.
    """
    if not same_space(icc_profile, backdrop.icc_profile):
        colors, icc_profile = to_srgb(colors, icc_profile), srgb_profile()
    return composite(colors, alpha, backdrop(*alpha.shape), linear=linear), icc_profile


def side_by_side(photo: NDArray[Any], trimap: NDArray[np.uint8], alpha: NDArray[np.floating[Any]]) -> NDArray[np.uint8]:
    """Show photo, trimap, alpha and the subject before a checkerboard, from left to right.

    Parameters
    ----------
    photo : (H, W, 3) array
        Levels from 0 to 255.
    trimap : (H, W) uint8 array
    alpha : (H, W) float array
        In [0, 1].

    Returns
    -------
    (H, 4 W + 24, 3) uint8 array
    """
    check_size(photo, alpha)
    check_size(photo, trimap)
    gap = np.full((photo.shape[0], _GAP, 3), 255, np.uint8)
    before_checks = composite(photo, alpha, checkerboard(*alpha.shape))
    panels = [_eight_bit(photo), gap, _as_rgb(trimap), gap, _as_rgb(to_integers(alpha)), gap, before_checks]
    return np.concatenate(panels, axis=1)


def check_size(photo: NDArray[Any], matte: NDArray[Any]) -> None:
    """Refuse colors and an alpha or trimap of different height or width.

    Raises
    ------
    ImageError
    """
    for array in (photo, matte):
        if not isinstance(array, np.ndarray):
            raise ImageError(f"expected arrays, found a {type(array).__name__}; np.asarray makes one of a Pillow image")
    if photo.shape != (*matte.shape, 3):
        raise ImageError(f"photo has shape {photo.shape}, alpha or trimap {matte.shape}; expected (H, W, 3) and (H, W)")


def _eight_bit(levels: NDArray[Any]) -> NDArray[np.uint8]:
    return levels if levels.dtype == np.uint8 else to_integers(levels, 8, 255)


def _sixteen_bit(levels: NDArray[Any]) -> NDArray[np.uint16]:
    return to_integers(levels, 16, 255)


def _as_rgb(gray: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.repeat(gray[..., None], 3, axis=-1)
