"""sRGB's transfer curve: from stored levels to amounts of light and back.

Light adds up, stored levels do not: a pixel that a white hair covers by half sends half of white's light, which sRGB
stores as level 188, not 128. Most programs (and matting data sets) blend the stored levels all the same, so that is the
default here, and blending light is what one asks for.

Source: IEC 61966-2-1:1999, section 5.2; constants as in its amendment 1.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

_SLOPE = 12.92
"""Slope of the linear segment near black, which keeps the curve's inverse finite there."""


def to_light(levels: NDArray[Any]) -> NDArray[np.float32]:
    """Convert sRGB levels to the amounts of light that they stand for.

    Parameters
    ----------
    levels : (...) array
        From 0 to 255.

    Returns
    -------
    (...) float32 array
        From 0 (black) to 1 (white).
    """
    stored = np.asarray(levels, np.float32) / np.float32(255)
    curved = ((stored + np.float32(0.055)) / np.float32(1.055)) ** np.float32(2.4)
    return np.where(stored <= 0.04045, stored / np.float32(_SLOPE), curved)


def from_light(light: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """Convert amounts of light to the levels in which sRGB stores them.

    Parameters
    ----------
    light : (...) float array
        In [0, 1]; what lies outside is clipped.

    Returns
    -------
    (...) float32 array
        From 0 to 255, not rounded.
    """
    light = np.clip(np.asarray(light, np.float32), 0, 1)
    curved = np.float32(1.055) * light ** np.float32(1 / 2.4) - np.float32(0.055)
    return np.float32(255) * np.where(light <= 0.0031308, light * np.float32(_SLOPE), curved)
