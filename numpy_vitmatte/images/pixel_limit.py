"""The guard against decompression bombs: small files that unpack to more pixels than any memory holds."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from PIL import Image

from numpy_vitmatte.errors import VitMatteError

MAX_PIXELS = 1_000_000_000
"""The command line's limit: five times the largest camera's photo, and 3 GB when unpacked."""


@contextmanager
def pixel_limit(max_pixels: int) -> Iterator[None]:
    """Set how many pixels an image file may unpack to before it is refused as a decompression bomb.

    This is Pillow's own guard, ``PIL.Image.MAX_IMAGE_PIXELS``, of this whole process: while the block runs it holds for
    every thread, and Pillow's warning at half the limit is silent. Without this block Pillow's default holds, which
    refuses files of more than 179 million pixels.

    Parameters
    ----------
    max_pixels : int
        0: no limit.

    Raises
    ------
    VitMatteError
        If it is no whole number, or negative.
    """
    if not isinstance(max_pixels, int) or isinstance(max_pixels, bool) or max_pixels < 0:
        raise VitMatteError(
            f"the limit of pixels is {max_pixels!r}; expected a whole number, for example {MAX_PIXELS}, or 0 for none"
        )
    before = Image.MAX_IMAGE_PIXELS
    # Pillow warns above this number and refuses above twice as many.
    Image.MAX_IMAGE_PIXELS = (max_pixels + 1) // 2 if max_pixels else None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            yield
    finally:
        Image.MAX_IMAGE_PIXELS = before
