"""The meaning of an image's numbers: any dtype and scale in, levels from 0 to 255 out.

Photos and trimaps arrive as 8-bit and 16-bit integers, as booleans and as floats, in [0, 1] or in [0, 255]. The scale
is read from the largest value, because the dtype alone does not tell: an int64 array usually holds 8-bit levels.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from numpy_vitmatte.errors import ImageError, warn

DEPTHS = (8, 10, 12, 14, 16)
"""Bits that scanners, cameras and medical devices put into integers of 16."""

_BAND = 1 << 20
"""Values that are rounded at once. A whole big photo in float64 would be the most memory that it ever takes."""


def require_pixels(values: NDArray[Any], what: str) -> None:
    """Refuse empty arrays.

    Raises
    ------
    ImageError
    """
    if values.size == 0:
        raise ImageError(f"{what} is empty: its shape is {values.shape}, at least one pixel is needed")


def require_finite_numbers(values: NDArray[Any], what: str) -> None:
    """Refuse arrays that are empty, hold no real numbers, or hold NaN or infinity.

    Parameters
    ----------
    values : (...) array
    what : str
        How the error names the array: "photo", "trimap", or a path.

    Raises
    ------
    ImageError
    """
    require_pixels(values, what)
    if values.dtype.kind not in "buif":
        raise ImageError(f"{what} has dtype {values.dtype}; expected booleans, integers or floats")
    if values.dtype.kind == "f":
        bad = values.size - int(np.count_nonzero(np.isfinite(values)))
        if bad:
            raise ImageError(f"{what} holds {bad} NaN or infinite values of {values.size}; replace them first")


def to_levels(values: NDArray[Any], what: str, depth: int | None = None) -> tuple[NDArray[Any], str]:
    """Bring pixel values to levels from 0 (black) to 255 (white).

    ======================  =======================  ==================
    values                  understood as            levels
    ======================  =======================  ==================
    boolean                 False, True              0, 255
    float, max <= 1         [0, 1]                   255 v
    max <= 255              [0, 255]                 v
    integer, max <= 1023    10 bits                  255 v / 1023
    integer, max <= 4095    12 bits                  255 v / 4095
    integer, max <= 16383   14 bits                  255 v / 16383
    integer, max <= 65535   16 bits                  v / 257
    ======================  =======================  ==================

    A picture of 16 bits in which nothing is brighter than a quarter is rarer than one of 10, 12 or 14 bits in integers
    of 16, so the values are taken for fewer bits, with a warning. Multiples of 257 are an exception: 8 bits become such
    when they are widened to 16. `depth` decides it.

    Parameters
    ----------
    values : (...) array
    what : str
        How errors name the array.
    depth : {8, 10, 12, 14, 16}, optional
        Bits of integers whose type has more than 8; it says nothing about others.

    Returns
    -------
    levels : (...) array
        uint8 where the values are booleans or integers up to 255 (uint8 itself is not copied); floats otherwise.
    understood_as : str
        The second column of the table, for reports.

    Raises
    ------
    ImageError
        Empty, NaN, infinite, negative or larger than any of these scales; floats with a maximum between 1 and 2, where
        taking [0, 255] for granted would turn an image in [0, 1] with a little overshoot into a black one. A depth
        that the values exceed.

    Warns
    -----
    UserWarning
        Values are taken for 10, 12 or 14 bits.
    """
    require_depth(depth)
    require_finite_numbers(values, what)
    if values.dtype == np.bool_:
        return values.astype(np.uint8) * np.uint8(255), "booleans"
    if values.dtype == np.uint8:
        return values, "values 0 to 255"
    low, high = float(values.min()), float(values.max())
    is_float = values.dtype.kind == "f"
    if low < 0 or (is_float and 1 < high < 2):
        raise ImageError(
            f"{what} has values {low:g} to {high:g}; expected [0, 1] (floats), [0, 255] or 16 bits: clip them first"
        )
    if is_float and high <= 1:
        return values.astype(np.float64) * 255.0, "floats in [0, 1]"
    if depth and not is_float:
        return _of_depth(values, high, what, depth)
    if high <= 255:
        return values if is_float else values.astype(np.uint8), "values 0 to 255"
    if not is_float and high <= 65535:
        bits = likely_depth(values, high)
        if bits < 16:
            warn(
                f"{what} has values up to {high:g}, which are taken for {bits} bits; if it is dark and has others, say "
                "so with --depth, or depth= in Python",
                stacklevel=2,
            )
        return _of_depth(values, high, what, bits)
    raise ImageError(f"{what} has values up to {high:g}; expected at most 1 (floats), 255, or 65535 (16-bit integers)")


def require_depth(depth: int | None) -> None:
    """Refuse a number of bits that no file has; None leaves it open.

    Raises
    ------
    ImageError
    """
    if depth is not None and depth not in DEPTHS:
        raise ImageError(f"depth is {depth!r}; expected one of {', '.join(map(str, DEPTHS))} bits")


def likely_depth(values: NDArray[Any], high: float) -> int:
    """Return the fewest bits that hold values up to `high`; 16 where they are 8 bits, each byte written twice."""
    bits = next(bits for bits in DEPTHS if high < 1 << bits)
    return bits if bits == 16 or np.any(values % 257) else 16


def _of_depth(values: NDArray[Any], high: float, what: str, depth: int) -> tuple[NDArray[Any], str]:
    largest = (1 << depth) - 1
    if high > largest:
        raise ImageError(
            f"{what} has values up to {high:g}, which {depth} bits do not hold; their largest is {largest}"
        )
    if depth == 8:
        return values.astype(np.uint8), "values 0 to 255"
    return values / (largest / 255), f"{depth}-bit values"


def to_integers(values: NDArray[Any], bits: int = 8, white: int = 1) -> NDArray[Any]:
    """Round values in [0, 1] to unsigned integers, 1 becoming the largest.

    Truncating instead, as several matting tools do, loses half a level on average, and makes 254 of 0.9999.

    Parameters
    ----------
    values : (...) float array
        From 0 to `white`; what lies outside is clipped.
    bits : {8, 16}
    white : {1, 255}
        The value that becomes the largest integer.

    Returns
    -------
    (...) uint8 or uint16 array
    """
    dtype = np.uint8 if bits == 8 else np.uint16
    factor = np.float64(np.iinfo(dtype).max // white)
    out = np.empty(values.shape, dtype)
    band = max(1, _BAND // max(1, values[:1].size))
    for top in range(0, len(values), band):
        out[top : top + band] = np.rint(np.clip(values[top : top + band], 0, white) * factor)
    return out
