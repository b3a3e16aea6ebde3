"""Lengths in an image: in pixels, or as a share of its side, so that one number suits a thumbnail and a scan."""

import math

from numpy_vitmatte.errors import VitMatteError, shown


def in_pixels(size: float | str, shape: tuple[int, ...], what: str) -> float:
    """Turn a length into pixels.

    Parameters
    ----------
    size : float or str
        Pixels (``10``, ``"10"``, ``2.5``), or a percentage of the image's shorter side (``"2%"``).
    shape : tuple of int
        Height and width of the image.
    what : str
        How errors name it.

    Returns
    -------
    float
        0 or more.

    Raises
    ------
    VitMatteError
        Not a number, negative, or not finite.

    Examples
    --------
    >>> in_pixels("2%", (600, 900), "erode")
    12.0
    """
    number, percent = size, False
    if isinstance(size, str):
        percent = size.rstrip().endswith("%")
        number = size.rstrip().removesuffix("%")
    try:
        length = math.nan if isinstance(number, bool) else float(number)
    except (TypeError, ValueError, OverflowError):
        length = math.nan
    if not (math.isfinite(length) and length >= 0):
        raise VitMatteError(
            f"{what} is {shown(size)}; expected 0 or more pixels, such as 10, or a share of the shorter side, such as "
            "'2%'"
        )
    return length / 100 * min(shape[:2]) if percent else length
