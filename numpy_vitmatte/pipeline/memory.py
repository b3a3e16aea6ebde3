"""The memory around the network: the photo in its own size, the guided filter, a second opinion, pictures made of it.

Bytes per pixel are measured: peaks of fresh processes with photos of 16 and 36 megapixels that the network saw at 64
pixels a side, less what a process takes anyway. ``tests/pipeline/test_memory.py`` holds budgets against
processes.
"""

from typing import NamedTuple

from numpy_vitmatte.network.memory import PHOTO, Around


class PerPixel(NamedTuple):
    """Bytes for each pixel of a photo.

    Attributes
    ----------
    busy : int
        While it is read, made into the network's input, or its alpha is written.
    resting : int
        Photo, trimap and alpha alone, between these steps.
    second : int
        What a second opinion on the mirrored photo adds to both.
    """

    busy: int
    resting: int
    second: int


EIGHT_BIT = PerPixel(busy=PHOTO, resting=8, second=20)
WIDE = PerPixel(busy=44, resting=29, second=40)
"""Photos of more than 8 bits are held in float64."""

WANTED = 4
"""Of masks of the pixels that the network is asked for, for each pixel."""

FILTER, FITS = 140_000_000, 24
"""The guided filter: its bands, whatever the sizes, and what the allocator keeps of them; its small photo, alpha and
fits, for each of the small pixels."""

TRUST_MAP = 9
"""Of a trust map that waits to be written, for each pixel."""

BACKGROUND = 14
"""Of a picture that is to stand behind the subject, for each of its own pixels."""


PYMATTING = 95_000_000
"""pymatting, with what it imports and compiles."""


class Work(NamedTuple):
    """What is done to a photo.

    Attributes
    ----------
    height, width : int
        Of the photo.
    small : (int, int)
        Height and width that the network sees, without padding; the photo's own, or less with ``max_side``.
    wide : bool
        A photo of more than 8 bits.
    trust : bool
        A trust map is made.
    pictures : int
        Bytes per pixel while cut-out and composite are made, with what is held then; see :func:`picture_bytes`.
    beside : int
        Bytes of what else is held all the time, such as a background.
    """

    height: int
    width: int
    small: tuple[int, int]
    wide: bool = False
    trust: bool = False
    pictures: int = 0
    beside: int = 0


def picture_bytes(*, composite: bool, estimated: bool, linear: bool) -> int:
    """Bytes per pixel at the peak of making cut-out and composite, with photo, trimap and alpha.

    Parameters
    ----------
    composite : bool
        A composite is made; otherwise only a cut-out.
    estimated : bool
        The subject's colours are estimated by pymatting.
    linear : bool
        In linear light.
    """
    if estimated:
        return 122 if linear else 92
    if composite:
        return 93 if linear else 54
    return 25


def around_network(work: Work) -> Around:
    """What a job takes besides the network, while that computes and apart from it."""
    kind = WIDE if work.wide else EIGHT_BIT
    pixels, small = work.height * work.width, work.small[0] * work.small[1]
    second = kind.second * work.trust
    pictures = (work.pictures + kind.resting - EIGHT_BIT.resting + TRUST_MAP * work.trust) * pixels
    if small == pixels:
        held = (kind.resting + WANTED + second) * pixels
        apart = max((kind.busy + second) * pixels, pictures)
    else:
        resting = (kind.resting + second) * pixels
        held = resting + PHOTO * small
        apart = max((kind.busy + second) * pixels, resting + FILTER + FITS * small, pictures)
    return Around(work.beside + held, work.beside + apart, _name(work))


def _name(work: Work) -> str:
    computed = f", computed at {work.small[1]} x {work.small[0]}," if work.small != (work.height, work.width) else ""
    return f"{work.width} x {work.height} pixels{computed}"
