"""The memory of a whole job: the network, and what surrounds it.

Photo, guided filter, second opinion and outputs surround the network. Their bytes per pixel are measured: peaks of
fresh processes with photos of 16 and 36 megapixels that the network saw at 64 pixels a side, less what a process takes
anyway. ``tests/pipeline/test_memory.py`` holds the plans against processes.
"""

from typing import NamedTuple

from numpy_vitmatte.configuration import VitMatteConfig
from numpy_vitmatte.images.header import PhotoHeader
from numpy_vitmatte.network.memory import PHOTO_BYTES_PER_PIXEL, MemoryPlan, Surroundings, plan_network_memory
from numpy_vitmatte.processing import VitMatteImageProcessor


class PhotoBytesPerPixel(NamedTuple):
    """Bytes for each pixel of a photo.

    Attributes
    ----------
    at_peak : int
        While the photo is read, made into the network's input, or its alpha is written.
    between : int
        Between these steps: photo, trimap and alpha alone.
    """

    at_peak: int
    between: int


EIGHT_BIT = PhotoBytesPerPixel(at_peak=PHOTO_BYTES_PER_PIXEL, between=8)
WIDE = PhotoBytesPerPixel(at_peak=44, between=29)
"""Photos of more than 8 bits are held in float64."""

SRGB_BYTES_PER_PIXEL, WIDE_SRGB_BYTES_PER_PIXEL = 3, 12
"""A photo in sRGB, in addition to the same photo in another color space."""

HIDDEN_BYTES_PER_PIXEL, WIDE_HIDDEN_BYTES_PER_PIXEL = 4, 25
"""A photo whose hidden colors are blanked, and where they were."""

WIDE_LEVELS_BYTES_PER_PIXEL = 9
"""A photo of more than 8 bits scaled for the network, whose levels are float32."""

WANTED_BYTES_PER_PIXEL = 4
"""The mask of wanted pixels."""

FILTER_BYTES, FILTER_BYTES_PER_SMALL_PIXEL = 140_000_000, 24
"""The guided filter: its bands, whatever the sizes, and what the allocator keeps of them; its small photo, alpha and
fits, for each small pixel."""

SECOND_OPINION_BYTES_PER_PIXEL = 21
"""A trust map in the making: two alphas, their differences and masks, in addition to photo, trimap and alpha."""

TRUST_MAP_BYTES_PER_PIXEL = 9
"""A trust map that waits to be written."""

BACKGROUND_BYTES_PER_PIXEL = 14
"""An image that is to stand behind the subject, for each of its own pixels."""

WIDE_CUTOUT_BYTES_PER_PIXEL = 10
"""A cut-out of 16 bits in the making, beyond one of 8."""

PYMATTING_BYTES = 95_000_000
"""pymatting, with what it imports and compiles."""


class Extras(NamedTuple):
    """The outputs that are made or held in addition to the alpha.

    Attributes
    ----------
    trust : bool
        A trust map is made.
    output_bytes_per_pixel : int
        Bytes while cut-out and composite are made, with what is held then; see :func:`output_bytes_per_pixel`.
    held_bytes : int
        Bytes that are held all the time, such as a background's.
    """

    trust: bool = False
    output_bytes_per_pixel: int = 0
    held_bytes: int = 0


def output_bytes_per_pixel(*, composite: bool, estimated: bool, linear: bool) -> int:
    """Return the bytes per pixel at the peak of making cut-out and composite, with photo, trimap and alpha.

    Parameters
    ----------
    composite : bool
        A composite is made; otherwise only a cut-out.
    estimated : bool
        The subject's colors are estimated by pymatting.
    linear : bool
        In linear light.
    """
    if estimated:
        return 122 if linear else 92
    if composite:
        return 93 if linear else 54
    return 25


class NetworkUse(NamedTuple):
    """The network that a job uses.

    Attributes
    ----------
    config : VitMatteConfig
    weight_bytes : int
        Bytes of the weights that are in memory in addition to the packed ones.
    processor : VitMatteImageProcessor
        Decides the padding.
    """

    config: VitMatteConfig
    weight_bytes: int
    processor: VitMatteImageProcessor


def plan_memory(
    header: PhotoHeader,
    network_size: tuple[int, int],
    network: NetworkUse,
    max_memory: int | None = None,
    extras: Extras = Extras(),  # noqa: B008
) -> MemoryPlan:
    """Plan a whole job, before the photo is decoded.

    Parameters
    ----------
    header : PhotoHeader
    network_size : (int, int)
        Height and width that the network sees, without padding: the photo's own, less with ``max_side``, or more with
        ``upscale``.
    network : NetworkUse
    max_memory : int, optional
        Bytes that the process may take at its peak.
    extras : Extras

    Returns
    -------
    MemoryPlan

    Raises
    ------
    VitMatteError
        If the job does not fit; the message names the smallest limit that would do.
    """
    padded = network.processor.padded_size(*network_size)
    around = surroundings(header, network_size, extras)
    return plan_network_memory(*padded, network.config, network.weight_bytes, max_memory, around)


def surroundings(header: PhotoHeader, network_size: tuple[int, int], extras: Extras) -> Surroundings:
    """Add up what a job takes in addition to the network; parameters as for :func:`plan_memory`."""
    photo = WIDE if header.wide else EIGHT_BIT
    pixels, network_pixels = header.height * header.width, network_size[0] * network_size[1]
    wider = photo.between - EIGHT_BIT.between
    outputs = extras.output_bytes_per_pixel + wider + TRUST_MAP_BYTES_PER_PIXEL * extras.trust
    held = (photo.between + SECOND_OPINION_BYTES_PER_PIXEL * extras.trust) * pixels
    between = held
    peaks = [photo.at_peak * pixels, held, outputs * pixels]
    if header.profiled:
        held += (WIDE_SRGB_BYTES_PER_PIXEL if header.wide else SRGB_BYTES_PER_PIXEL) * network_pixels
    if header.transparent:
        held += (WIDE_HIDDEN_BYTES_PER_PIXEL if header.wide else HIDDEN_BYTES_PER_PIXEL) * pixels
    peaks = [peak + held - between for peak in peaks]
    name = f"{header.width} x {header.height} pixels"
    if network_pixels == pixels:
        held += WANTED_BYTES_PER_PIXEL * pixels
    else:
        if network_pixels < pixels:
            peaks.append(held + FILTER_BYTES + FILTER_BYTES_PER_SMALL_PIXEL * network_pixels)
        held += (PHOTO_BYTES_PER_PIXEL + WIDE_LEVELS_BYTES_PER_PIXEL * header.wide) * network_pixels
        name += f", computed at {network_size[1]} x {network_size[0]},"
    return Surroundings(extras.held_bytes + held, extras.held_bytes + max(peaks), name)
