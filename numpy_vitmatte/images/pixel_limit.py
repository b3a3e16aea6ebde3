"""The guard against decompression bombs: small files that unpack to more pixels than any memory holds."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from PIL import Image

from numpy_vitmatte.errors import VitMatteError

MAX_PIXELS = 1_000_000_000
"""The command line's limit: five times the largest camera's photo, and 3 GB when unpacked."""

_BYTES_PER_PIXEL = 8
"""A decoder's own pixels and Pillow's."""

_decoding_limit: ContextVar[int | None] = ContextVar("decoding_limit", default=None)
_limit: ContextVar[int | None] = ContextVar("pixel_limit", default=None)


@contextmanager
def pixel_limit(max_pixels: int) -> Iterator[None]:
    """Set how many pixels an image file may unpack to before it is refused as a decompression bomb.

    The limit holds for what this package reads in the block's own thread or task, and in the threads that it starts
    for it. Other threads have limits of their own, and Pillow's ``PIL.Image.MAX_IMAGE_PIXELS`` stays as it is. Without
    this block Pillow's setting holds, which by default refuses files of more than 179 million pixels.

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
    before = _limit.set(max_pixels)
    try:
        yield
    finally:
        _limit.reset(before)


@contextmanager
def decoding_limit(max_bytes: int | None) -> Iterator[None]:
    """Limit the memory of the images that a plug-in decodes when it opens them, before a job can be planned.

    Parameters
    ----------
    max_bytes : int or None
        None means no limit.
    """
    before = _decoding_limit.set(max_bytes)
    try:
        yield
    finally:
        _decoding_limit.reset(before)


def check_decoding(width: int, height: int) -> None:
    """Refuse an image that is about to be decoded and has more pixels, or takes more memory, than the limits.

    Raises
    ------
    PIL.Image.DecompressionBombError
    """
    check_pixels(width, height)
    limit, needed = _decoding_limit.get(), width * height * _BYTES_PER_PIXEL
    if limit is not None and needed > limit:
        raise Image.DecompressionBombError(
            f"its {width} x {height} pixels take {needed / 1e6:.0f} MB, of which {limit / 1e6:.0f} MB are allowed; "
            "scale it down, or raise --max-memory, in Python max_memory"
        )


def check_pixels(width: int, height: int) -> None:
    """Refuse an image of more pixels than the limit that holds here.

    Raises
    ------
    PIL.Image.DecompressionBombError
        Its message says what was found, and how to let the file pass.
    """
    pixels, limit = width * height, _limit.get()
    if limit is None:
        doubtful = Image.MAX_IMAGE_PIXELS
        if doubtful is None:
            return
        if doubtful < pixels <= 2 * doubtful:  # as Pillow does
            warnings.warn(
                f"an image of {pixels} pixels may be a decompression bomb", Image.DecompressionBombWarning, stacklevel=2
            )
        limit = int(2 * doubtful)
    elif limit == 0:
        return
    if pixels > limit:
        raise Image.DecompressionBombError(refused_bomb(pixels, limit))


def refused_bomb(pixels: int, limit: int) -> str:
    """Say how many pixels a file would unpack to, and how to let it pass."""
    return (
        f"it would unpack to {pixels} of at most {limit} pixels, which may be a decompression bomb; if you trust it, "
        "raise the limit with --max-pixels, or in Python with pixel_limit()"
    )
