"""ICC profiles that are three curves and a matrix, or one curve for gray: read from bytes, computed in floats.

Cameras, phones and displays have such profiles: Display P3, Adobe RGB (1998), ProPhoto. Pillow's littlecms computes any
profile, but in 8 bits; this keeps 16, and needs no littlecms. Profiles of tables (printers') are littlecms's alone.

Source: ICC.1:2022 (profile version 4.4), sections 7.2 (header), 10.6 (``curv``), 10.18 (``para``), 10.31 (``XYZ``), and
annex F.3 (three-component matrix-based profiles).
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from numpy_vitmatte.images.linear_light import from_light

Curve: TypeAlias = Callable[[NDArray[Any]], NDArray[Any]]
"""Stored values in [0, 1] to amounts of light in [0, 1]."""

_SRGB_TO_XYZ = np.array(
    [[0.43607, 0.38515, 0.14307], [0.22249, 0.71687, 0.06061], [0.01392, 0.09708, 0.71410]], np.float64
)
"""sRGB's primaries adapted to D50 (https://www.color.org/srgbprofiles.xalter), which every profile's matrix is for."""

_MOST_TAGS = 200
_BAND = 1 << 18
"""Pixels that are converted at once: the intermediate floats of a whole photo would be most of its memory."""


@dataclass(frozen=True)
class MatrixProfile:
    """Curves and primaries of a profile.

    Attributes
    ----------
    curves : tuple of Curve
        One for each channel: three, or one for gray.
    to_srgb_light : (3, 3) float64 array
        From the light of its primaries to that of sRGB's; the identity for gray.
    """

    curves: tuple[Curve, ...]
    to_srgb_light: NDArray[np.float64]

    def srgb(self, levels: NDArray[Any]) -> NDArray[np.float32]:
        """Convert levels to sRGB.

        Parameters
        ----------
        levels : (H, W, 3) array
            From 0 to 255; the three are equal if the profile is for gray.

        Returns
        -------
        (H, W, 3) float32 array
            From 0 to 255, not rounded. Colors that sRGB lacks are clipped, channel by channel.
        """
        out = np.empty(levels.shape, np.float32)
        rows = max(1, _BAND // max(1, levels.shape[1]))
        for top in range(0, len(levels), rows):
            stored = levels[top : top + rows] / 255.0
            curves = self.curves * (3 // len(self.curves))
            light = np.stack([curve(stored[..., c]) for c, curve in enumerate(curves)], axis=-1)
            out[top : top + rows] = from_light(light @ self.to_srgb_light.T)
        return out


def color_space(icc: bytes) -> str:
    """Return the kind of pixels that a profile is for (``"RGB"``, ``"GRAY"``, ``"CMYK"``, ...); empty if it is none."""
    if len(icc) < 128 or icc[36:40] != b"acsp":
        return ""
    return icc[16:20].decode("latin-1").strip()


def matrix_profile(icc: bytes) -> MatrixProfile | None:
    """Read a profile's curves and matrix.

    Parameters
    ----------
    icc : bytes

    Returns
    -------
    MatrixProfile or None
        None for a profile of another kind, or a damaged one.
    """
    try:
        tags = _tags(icc)
        if color_space(icc) == "GRAY":
            return MatrixProfile((_curve(tags["kTRC"]),), np.eye(3))
        # A table says what its maker prefers to the matrix (ICC.1, 8.3.1).
        if color_space(icc) != "RGB" or {"A2B0", "A2B1", "D2B0", "D2B1"} & tags.keys():
            return None
        to_xyz = np.stack([_xyz(tags[f"{c}XYZ"]) for c in "rgb"], axis=-1)
        curves = tuple(_curve(tags[f"{c}TRC"]) for c in "rgb")
    except (KeyError, struct.error, ValueError, IndexError):
        return None
    return MatrixProfile(curves, np.linalg.inv(_SRGB_TO_XYZ) @ to_xyz)


def _tags(icc: bytes) -> dict[str, bytes]:
    count = struct.unpack_from(">I", icc, 128)[0]
    if count > _MOST_TAGS:
        raise ValueError(f"{count} tags")
    tags = {}
    for index in range(count):
        name, start, length = struct.unpack_from(">4sII", icc, 132 + 12 * index)
        tags[name.decode("latin-1")] = icc[start : start + length]
    return tags


def _fixed(content: bytes, start: int, count: int) -> list[float]:
    """Read numbers of 15 bits before the point and 16 behind it."""
    return [number / 65536 for number in struct.unpack_from(f">{count}i", content, start)]


def _xyz(content: bytes) -> NDArray[np.float64]:
    if content[:4] != b"XYZ ":
        raise ValueError("no XYZ")
    return np.array(_fixed(content, 8, 3))


def _curve(content: bytes) -> Curve:
    if content[:4] == b"curv":
        count = struct.unpack_from(">I", content, 8)[0]
        if count == 0:
            return lambda stored: stored
        samples = np.frombuffer(content, ">u2", count, 12)
        if count == 1:
            gamma = samples[0] / 256
            return lambda stored: stored**gamma
        return lambda stored: np.interp(stored, np.linspace(0, 1, count), samples / 65535)
    if content[:4] == b"para":
        return _parametric(content)
    raise ValueError("no curve")


def _parametric(content: bytes) -> Curve:
    """``(a x + b)**g + e`` from ``d`` on, ``c x + f`` below it; which of these a file gives depends on its type."""
    kind = struct.unpack_from(">H", content, 8)[0]
    given = _fixed(content, 12, (1, 3, 4, 5, 7)[kind])
    g, a, b, c, d, e, f = (given + [1.0, 0, 0, 0, 0, 0, 0][len(given) :])[:7]
    if kind == 0:
        a = 1.0
    elif kind in (1, 2):  # constant below the place where the power's base is 0
        d = -b / a if a else 0.0
        c, e, f = 0.0, (c if kind == 2 else 0.0), (c if kind == 2 else 0.0)

    def curve(stored: NDArray[Any]) -> NDArray[Any]:
        return np.where(stored >= d, np.maximum(a * stored + b, 0) ** g + e, c * stored + f)

    return curve
