"""A photo of known alpha as training needs it: its colors, its alpha, and how far each pixel is from being unsure."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from numpy_vitmatte.errors import ImageError
from numpy_vitmatte.images.alpha_files import read_alpha
from numpy_vitmatte.images.photo_reading import open_photo
from numpy_vitmatte.kernels.distance import squared_distance_to
from numpy_vitmatte.trimaps.reading import BACKGROUND, FOREGROUND, UNKNOWN, read_trimap

WIDTHS = (1.0, 30.0)
"""The unknown may reach so far into foreground and background, in pixels: the range that the authors trained with."""

_FARTHEST = np.iinfo(np.uint16).max  # squared, far beyond the widest band


@dataclass(frozen=True)
class Picture:
    """A photo and its alpha.

    Attributes
    ----------
    photo : uint8 array (H, W, 3)
        In sRGB.
    alpha : float32 array (H, W)
    inside, outside : uint16 array (H, W), or None
        The squared distance to the nearest pixel that is not wholly foreground, or not wholly background. None where
        there is a trimap.
    trimap : uint8 array (H, W), or None
    """

    photo: NDArray[np.uint8]
    alpha: NDArray[np.float32]
    inside: NDArray[np.uint16] | None
    outside: NDArray[np.uint16] | None
    trimap: NDArray[np.uint8] | None

    @property
    def nbytes(self) -> int:
        """Bytes that the picture takes."""
        arrays = (self.photo, self.alpha, self.inside, self.outside, self.trimap)
        return sum(array.nbytes for array in arrays if array is not None)

    def with_band(self, inner: float, outer: float) -> NDArray[np.uint8]:
        """Give the trimap, or draw one whose unknown reaches so many pixels into foreground and background.

        Returns
        -------
        uint8 array (H, W)
            0, 128 and 255. It is drawn by exact distances, as that of ``widen_unknown``.
        """
        if self.inside is None or self.outside is None:
            assert self.trimap is not None
            return self.trimap
        trimap = np.full(self.alpha.shape, UNKNOWN, np.uint8)
        trimap[self.inside > inner * inner] = FOREGROUND
        trimap[self.outside > outer * outer] = BACKGROUND
        return trimap

    def cut(self, top: int, left: int, side: int) -> "Picture":
        """Give a square of the picture."""
        square = np.s_[top : top + side, left : left + side]
        parts = (self.photo, self.alpha, self.inside, self.outside, self.trimap)
        return Picture(*(None if part is None else part[square] for part in parts))  # type: ignore[arg-type]


def read_picture(photo: Path, alpha: Path, trimap: Path | None, least: int) -> Picture:
    """Read a picture to train with.

    Parameters
    ----------
    photo, alpha : pathlib.Path
    trimap : pathlib.Path, optional
    least : int
        A smaller picture is continued at its borders, as in a mirror, until it has so many pixels on each side.

    Returns
    -------
    Picture

    Raises
    ------
    ImageError
        If a file cannot be read, sizes differ, the alpha has colors or values beyond [0, 1], or nothing is unknown.
    """
    levels = np.rint(open_photo(photo).in_srgb()).astype(np.uint8)
    values = read_alpha(alpha, "true alpha").astype(np.float32)
    given = None if trimap is None else read_trimap(trimap)[0]
    _check_size(levels.shape[:2], values.shape, f"true alpha {str(alpha)!r}")
    if given is not None:
        _check_size(levels.shape[:2], given.shape, f"trimap {str(trimap)!r}")
    picture = _enlarged(levels, values, given, least)
    if not np.any(picture.with_band(WIDTHS[0], WIDTHS[0]) == UNKNOWN):
        path, reason = (alpha, "has no edge") if trimap is None else (trimap, "marks nothing as unknown")
        raise ImageError(f"{str(path)!r} {reason}, so that there is nothing to learn from it; take the picture out")
    return picture


def _check_size(photo: tuple[int, ...], other: tuple[int, ...], name: str) -> None:
    if other != photo:
        raise ImageError(
            f"{name} is {other[1]} x {other[0]} pixels, width x height, its photo {photo[1]} x {photo[0]}; expected "
            "the same size"
        )


def _enlarged(
    photo: NDArray[np.uint8], alpha: NDArray[np.float32], trimap: NDArray[np.uint8] | None, least: int
) -> Picture:
    short = [max(0, least - side) for side in alpha.shape]
    sides = [(0, short[0]), (0, short[1])]
    photo, alpha = np.pad(photo, [*sides, (0, 0)], mode="symmetric"), np.pad(alpha, sides, mode="symmetric")
    if trimap is not None:
        return Picture(photo, alpha, None, None, np.pad(trimap, sides, mode="symmetric"))
    return Picture(photo, alpha, _distance(alpha < 1), _distance(alpha > 0), None)


def _distance(mask: NDArray[np.bool_]) -> NDArray[np.uint16]:
    return np.minimum(squared_distance_to(mask), _FARTHEST).astype(np.uint16)
