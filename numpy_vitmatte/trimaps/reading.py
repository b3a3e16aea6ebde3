"""The careful door for trimaps: whatever a trimap comes as, exactly 0, 128 and 255 leave it, and a report."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numpy_vitmatte.images.reading import ImageSource
from numpy_vitmatte.trimaps.channel import trimap_levels

BACKGROUND, UNKNOWN, FOREGROUND = 0, 128, 255
"""Unknown is 128 / 255 = 0.502 to the network, as in every published test trimap; the authors trained with 0.5 exactly
(hustvl/ViTMatte, ``modeling/meta_arch/vitmatte.py``), 0.002 away."""

NEAR = 32
"""Levels within which a value counts as meant to be 0, 128 or 255: an eighth of the range.

JPEG at quality 85 moves the pixels of a clean trimap by up to 30 levels. The authors' training code cuts at 85 and 170
instead; here a value between 32 and 223 is not forced to 0 or 1: a soft edge is just what the network decides best."""

_MANY = 0.05
"""A share of in-between pixels that edges softened by JPEG or resizing seldom reach."""


@dataclass(frozen=True)
class TrimapReport:
    """A report on how a trimap was read.

    Attributes
    ----------
    understood_as : str
        Which channel was taken, and what its values were taken for.
    foreground, background, unknown : float
        Shares of the pixels, in [0, 1]; they add up to 1.
    snapped : int
        Pixels that were near 0, 128 or 255 but not there.
    between : int
        Pixels that were near none of the three and became unknown.
    warnings : tuple of str
        What the trimap's maker probably did not mean, a sentence each.
    """

    understood_as: str
    foreground: float
    background: float
    unknown: float
    snapped: int
    between: int
    warnings: tuple[str, ...]

    def lines(self) -> list[str]:
        """Return the report in words, a line each."""
        lines = [
            f"trimap: {self.understood_as}; {self.foreground:.1%} foreground, {self.background:.1%} background, "
            f"{self.unknown:.1%} unknown"
        ]
        if self.snapped or self.between:
            lines.append(
                f"trimap: {self.snapped} pixels near 0, 128 or 255 were moved there, {self.between} in between became "
                "unknown"
            )
        return lines + [f"warning: {warning}" for warning in self.warnings]


def read_trimap(
    source: ImageSource, what: str = "trimap", depth: int | None = None
) -> tuple[NDArray[np.uint8], TrimapReport]:
    """Read a trimap from anything, by its range of values.

    ====================================  ==========  =======  ==========
    values                                background  unknown  foreground
    ====================================  ==========  =======  ==========
    boolean, or integers up to 1          0                    1
    integers or whole floats up to 2      0           1        2
    floats up to 1                        0           0.5      1
    up to 255                             0           128      255
    integers up to 1023 (10 bits)         0           514      1023
    integers up to 4095 (12 bits)         0           2056     4095
    integers up to 16383 (14 bits)        0           8224     16383
    integers up to 65535 (16 bits)        0           32896    65535
    ====================================  ==========  =======  ==========

    On the scale of 255, values up to 32 become 0, values from 223 become 255 and all others 128: those within 32 of 128
    are counted as `snapped`, the others as `between`.

    Parameters
    ----------
    source : path, PIL.Image.Image, or array of shape (H, W), (H, W, C) or (C, H, W), C one of 1, 3, 4
        Any Pillow mode, turned upright by its EXIF orientation. See
        :func:`~numpy_vitmatte.trimaps.channel.trimap_levels` for the channel that is taken.
    what : str
        How errors name it.
    depth : {8, 10, 12, 14, 16}, optional
        Bits of integers that have more than 8; by default the largest value decides, which is warned of.

    Returns
    -------
    trimap : (H, W) uint8 array
        0 background, 128 unknown, 255 foreground; nothing else.
    report : TrimapReport

    Raises
    ------
    ImageError
        Not readable, empty, NaN or infinite, negative, too large, or in color.
    """
    return snap(*trimap_levels(source, what, depth))


def snap(levels: NDArray[Any], understood_as: str) -> tuple[NDArray[np.uint8], TrimapReport]:
    """Move levels to the three that a trimap has, and count what was moved.

    Parameters
    ----------
    levels : (H, W) array
        From 0 to 255.
    understood_as : str
        What the report says of them.

    Returns
    -------
    trimap : (H, W) uint8 array
        0 background, 128 unknown, 255 foreground.
    report : TrimapReport
    """
    # Sums of masks: assigning to masked pixels takes thirty times as long where known and unknown alternate.
    foreground = levels >= FOREGROUND - NEAR
    unknown = ~foreground & (levels > NEAR)
    trimap = np.uint8(FOREGROUND) * foreground + np.uint8(UNKNOWN) * unknown
    return trimap, _report(levels, trimap, understood_as)


def _report(levels: NDArray[Any], trimap: NDArray[np.uint8], understood_as: str) -> TrimapReport:
    snapped = between = 0
    if not np.array_equal(levels, trimap):
        moved = np.abs(levels.astype(np.float32) - trimap)
        between = int(np.count_nonzero(moved > NEAR))
        # Half a level is what a float 0.5 or a 16-bit 32768 is away from 128: those say "unknown" exactly.
        snapped = int(np.count_nonzero(moved > 0.5)) - between
    background, unknown, foreground = (
        float(np.count_nonzero(trimap == value)) / trimap.size for value in (BACKGROUND, UNKNOWN, FOREGROUND)
    )
    warnings = missing_classes(levels, trimap)
    if between > _MANY * trimap.size:
        warnings.append(
            f"{between / trimap.size:.0%} of the trimap lies between black, gray and white and counts as unknown: is "
            "it a soft mask or a photo?"
        )
    return TrimapReport(
        understood_as=understood_as,
        foreground=foreground,
        background=background,
        unknown=unknown,
        snapped=snapped,
        between=between,
        warnings=tuple(warnings),
    )


def missing_classes(levels: NDArray[Any], trimap: NDArray[np.uint8]) -> list[str]:
    """Say which of the three values a trimap lacks and what follows from that, a sentence each.

    Parameters
    ----------
    levels : (H, W) array
        From 0 to 255, as they were before they became the trimap.
    trimap : (H, W) uint8 array
    """
    missing = []
    if not np.any(trimap == FOREGROUND):
        missing.append(
            f"the trimap marks no foreground (its brightest level is {levels.max():.0f}, foreground begins at "
            f"{FOREGROUND - NEAR}): the network must guess what the subject is"
        )
    if not np.any(trimap == BACKGROUND):
        missing.append(
            f"the trimap marks no background (its darkest level is {levels.min():.0f}, background ends at {NEAR}): the "
            "network must guess what the background is"
        )
    if not np.any(trimap == UNKNOWN):
        missing.append("the trimap marks nothing as unknown: the alpha is the trimap itself, nothing is estimated")
    return missing
