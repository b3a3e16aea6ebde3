"""The memory that ``numpy-vitmatte matte`` needs in addition to the alpha, for its plan."""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager

from numpy_vitmatte.cli.streams import read_source
from numpy_vitmatte.images.header import photo_header
from numpy_vitmatte.images.reading import ImageSource, is_file, opened
from numpy_vitmatte.matting.background import is_image_file
from numpy_vitmatte.pipeline.memory import (
    BACKGROUND_BYTES_PER_PIXEL,
    EIGHT_BIT,
    PYMATTING_BYTES,
    WIDE,
    WIDE_CUTOUT_BYTES_PER_PIXEL,
    Extras,
    output_bytes_per_pixel,
)


@contextmanager
def opened_background(arguments: argparse.Namespace) -> Iterator[ImageSource | None]:
    """Open what --background names, without decoding it; a color stays its name.

    Raises
    ------
    ImageError
        If there is such a file and it cannot be opened.
    """
    if arguments.background is None:
        yield None
        return
    background = read_source(arguments.background, "background")
    if is_file(background) and not is_image_file(background):
        yield background
        return
    with opened(background, "background") as image:
        yield image


def extras_of(arguments: argparse.Namespace, background: ImageSource | None) -> Extras:
    """Add up the bytes of all that the options ask for.

    Parameters
    ----------
    arguments : argparse.Namespace
    background : optional
        What :func:`opened_background` gives.

    Raises
    ------
    ImageError
        If the background has no pixels.
    """
    per_pixel = held = 0
    if arguments.cutout or arguments.composite:
        estimated = arguments.colors != "photo"
        per_pixel = output_bytes_per_pixel(
            composite=arguments.composite is not None, estimated=estimated, linear=arguments.linear
        )
        held += PYMATTING_BYTES * estimated
    if arguments.cutout and arguments.bits == 16:
        per_pixel += WIDE_CUTOUT_BYTES_PER_PIXEL
    if background is not None and not is_file(background):
        header = photo_header(background, "background")
        each = BACKGROUND_BYTES_PER_PIXEL + (WIDE.between - EIGHT_BIT.between if header.wide else 0)
        held += each * header.height * header.width
    return Extras(arguments.trust is not None, per_pixel, held)
