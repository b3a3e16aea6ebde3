"""A photo as its file gives it: its levels, the colors that they mean, and the colors that it hides."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numpy_vitmatte.images.color_profile import to_srgb


@dataclass(frozen=True)
class Photo:
    """A photo as it was read.

    Attributes
    ----------
    levels : (H, W, 3) array
        From 0 to 255 in the photo's own color space, upright. uint8 for photos of 8 bits; otherwise floats, not
        rounded.
    icc_profile : bytes or None
        The ICC profile that says what the levels mean; None: sRGB.
    hidden : (H, W) bool array or None
        Where the photo itself is wholly transparent: colors that nobody was to see. None: nowhere.
    """

    levels: NDArray[Any]
    icc_profile: bytes | None = None
    hidden: NDArray[np.bool_] | None = None

    def in_srgb(self) -> NDArray[Any]:
        """Give the levels in sRGB."""
        return to_srgb(self.levels, self.icc_profile)

    def shown(self) -> NDArray[Any]:
        """Give the levels for what is made of the photo: hidden colors are blanked, black."""
        if self.hidden is None:
            return self.levels
        shown = self.levels.copy()
        shown[self.hidden] = 0
        return shown
