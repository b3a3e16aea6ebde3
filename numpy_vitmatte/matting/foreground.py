"""The subject's own colors where it is half transparent.

A photo shows ``alpha F + (1 - alpha) B`` at every pixel: a half-covered pixel carries half of the old background, and
would carry it before any new one as a rim of the wrong color. F and B are estimated together, from coarse to fine, by
the multi-level method of Germer, Uelwer, Conrad and Harmeling (2020), *Fast Multi-Level Foreground Estimation*,
arXiv:2006.14970, in the implementation of its authors: pymatting, the extra ``[foreground]``.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from numpy_vitmatte.images.linear_light import from_light, to_light
from numpy_vitmatte.matting.composite import check_size
from numpy_vitmatte.matting.pymatting_kernels import load_pymatting


def estimate_foreground(
    photo: NDArray[Any], alpha: NDArray[np.floating[Any]], *, linear: bool = False
) -> NDArray[np.float32]:
    """Estimate the subject's colors.

    Parameters
    ----------
    photo : (H, W, 3) array
        Levels from 0 to 255.
    alpha : (H, W) float array
        In [0, 1].
    linear : bool
        Take the photo for a mixture of light rather than of stored levels: for blending in linear light.

    Returns
    -------
    (H, W, 3) float32 array
        Levels from 0 to 255. Where alpha is 1 they are the photo's; where it is 0 they continue the subject's colors
        smoothly outward, so that scaling a cut-out mixes none of the old background in.

    Raises
    ------
    ImageError
        If the sizes differ.
    VitMatteError
        If pymatting is not installed.
    """
    return estimate_colors(photo, alpha, linear=linear)[0]


def estimate_colors(
    photo: NDArray[Any], alpha: NDArray[np.floating[Any]], *, linear: bool = False
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Estimate the colors on both sides: ``alpha foreground + (1 - alpha) background`` is nearly the photo.

    It is only nearly so because smooth colors are preferred to a perfect fit: where the alpha is wrong, a perfect
    fit would put its error into the colors. Parameters and errors are those of :func:`estimate_foreground`.

    Returns
    -------
    foreground, background : (H, W, 3) float32 arrays
        Levels from 0 to 255; the photo's own where alpha is 1 and 0.
    """
    check_size(photo, alpha)
    estimate_foreground_ml = load_pymatting().estimate_foreground_ml
    alpha = np.asarray(alpha, np.float32)
    stored = np.asarray(photo, np.float32)
    mixed = to_light(stored) if linear else stored / np.float32(255)
    # Its number of levels comes from the logarithm of the size, which is 0 for a single pixel.
    sides = estimate_foreground_ml(mixed, alpha, return_background=True) if alpha.size > 1 else (mixed, mixed)
    foreground, background = (from_light(side) if linear else side * np.float32(255) for side in sides)
    solid, empty = alpha == 1, alpha == 0
    foreground[solid] = stored[solid]
    background[empty] = stored[empty]
    return foreground, background


def require_pymatting() -> None:
    """Say before any work is done that the extra is missing.

    Raises
    ------
    VitMatteError
    """
    load_pymatting()
