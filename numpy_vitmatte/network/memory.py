"""The memory of a job, estimated before it starts, and a way to make it take less.

The peak is a sum of arrays whose sizes follow from those of the image and the network, so it can be written down. One
choice is free: the height of the decoder's bands. Low bands hold less and compute a few rows of the small maps twice.
"""

import functools
import math
import re
from typing import NamedTuple

from numpy_vitmatte.checkpoint.tensor_shapes import HEAD_CHANNELS, parameter_shapes
from numpy_vitmatte.configuration import VitMatteConfig
from numpy_vitmatte.errors import MemoryLimitError, VitMatteError, shown
from numpy_vitmatte.kernels.winograd import uses_winograd
from numpy_vitmatte.network.decoder_plan import (
    ALPHA_TILE_COLUMNS,
    ALPHA_TILE_ROWS,
    Pyramid,
    plan_decoder,
    stored_floats,
)
from numpy_vitmatte.runtime.threads import get_num_threads

FLOAT = 4
PROCESS_BYTES = 189_000_000
"""Python, NumPy, Numba and the compiled kernels: measured, with a warm cache of kernels."""
STORED_BYTES = 64_000_000
"""Without a limit, the decoder's bands are as high as possible with stored maps within this size."""
PHOTO_BYTES_PER_PIXEL = 20
"""Bytes outside the network: photo, trimap and masks, as given and as read, and the finished alpha twice."""

_BAND_ROWS = (2048, 1024, 768, 512, 384, 256, 128)


class MemoryPlan(NamedTuple):
    """The height of the bands and the memory of a job.

    Attributes
    ----------
    band_rows : int
        Rows of the image that the decoder takes at a time.
    peak_bytes : int
        Resident memory of the process at its peak.
    """

    band_rows: int
    peak_bytes: int


class Surroundings(NamedTuple):
    """The memory that a process takes in addition to the network.

    Attributes
    ----------
    held : int
        Bytes that are held while the network computes.
    elsewhere : int
        Bytes at the peak of the largest step outside the network.
    photo_name : str
        The photo's sizes in words, for messages.
    """

    held: int
    elsewhere: int
    photo_name: str


def parse_bytes(text: str | int) -> int:
    """Read an amount of memory: ``"2GB"``, ``"1.5 GiB"``, ``"800M"``, or a whole number of bytes.

    Raises
    ------
    VitMatteError
        If it is not such an amount, or is not more than 0.
    """
    written = shown(text) if isinstance(text, int) else str(text)
    match = re.fullmatch(r"\s*([0-9]*\.?[0-9]+)\s*([KMGT]?)(I?)B?\s*", written.upper())
    value = float(match[1]) * (1024 if match[3] else 1000) ** " KMGT".index(match[2] or " ") if match else 0
    if not 1 <= value < 2**63:  # hundreds of digits are infinite
        raise VitMatteError(
            f"{shown(text)} is not an amount of memory; give bytes, or for example 2GB, 1.5GiB or 800MB"
        )
    return int(value)


def plan_network_memory(
    height: int,
    width: int,
    config: VitMatteConfig,
    weight_bytes: int,
    max_memory: int | None = None,
    surroundings: Surroundings | None = None,
) -> MemoryPlan:
    """Choose the height of the decoder's bands.

    Parameters
    ----------
    height, width : int
        The padded image's size.
    config : VitMatteConfig
    weight_bytes : int
        Bytes of the weights as loaded, as far as they are not mapped from a file. The packed weights come on top.
    max_memory : int, optional
        Bytes that the process may take at its peak.
    surroundings : Surroundings, optional
        The default is a photo of this size, its trimap and its alpha.

    Returns
    -------
    MemoryPlan
        The plan with the highest bands that fit.

    Raises
    ------
    MemoryLimitError
        If no bands are low enough; the message names the smallest limit that would do.
    """
    around = surroundings or Surroundings(PHOTO_BYTES_PER_PIXEL * height * width, 0, f"{width} x {height} pixels")
    least: MemoryPlan | None = None
    for rows in [height, *(rows for rows in _BAND_ROWS if rows < height)]:
        plan, stored = _plan_of_bands(height, width, config, weight_bytes, rows, around)
        if stored <= STORED_BYTES if max_memory is None else plan.peak_bytes <= max_memory:
            return plan
        if least is None or plan.peak_bytes < least.peak_bytes:
            least = plan
    assert least is not None
    if max_memory is None:
        return least
    raise MemoryLimitError(
        f"a photo of {around.photo_name} takes {_megabytes(least.peak_bytes)} of memory at least, and "
        f"{_megabytes(max_memory)} are allowed; allow more, or have the alpha computed at fewer pixels with "
        "--max-side, or max_side= in Python"
    )


def _megabytes(count: int) -> str:
    return f"{-(-count // 1_000_000)}MB"


def _plan_of_bands(
    height: int, width: int, config: VitMatteConfig, weight_bytes: int, rows: int, around: Surroundings
) -> tuple[MemoryPlan, int]:
    """Return the plan for one height of bands, and the bytes of the maps that such a band stores."""
    image, tokens = FLOAT * 4 * height * width, _token_bytes(height, width, config)
    bands = plan_decoder(Pyramid(height, width, len(config.fusion_hidden_sizes)), band_rows=rows)
    channels = config.convstream_hidden_sizes, config.fusion_hidden_sizes
    stored = FLOAT * max(stored_floats(band, *channels) for band in bands)
    threads = get_num_threads()
    # A global block: tokens before and after, keys and values; or a neck's half-wide map in place of the latter two.
    backbone = 4 * tokens + threads * _block_scratch(config)
    decoder = tokens + FLOAT * height * width + stored + threads * _tile_bytes(config)
    network = around.held + image + max(backbone, decoder)
    packed = packed_bytes(config)
    # Mapped weights are in memory while they are packed.
    peak = PROCESS_BYTES + packed + max(packed, weight_bytes + max(network, around.elsewhere))
    return MemoryPlan(rows, peak), stored


@functools.lru_cache(maxsize=16)
def packed_bytes(config: VitMatteConfig) -> int:
    """Count the bytes of the weights as the kernels read them; Winograd's 3x3 weights take 16 numbers for 9."""
    backbone, levels = config.backbone_config, len(config.fusion_hidden_sizes)
    details = [backbone.num_channels, *config.convstream_hidden_sizes][:levels]
    convolutions = [*zip(reversed(details), config.fusion_hidden_sizes, strict=True)]
    convolutions += [(config.hidden_size // 2, config.hidden_size // 2)] * len(backbone.residual_block_indices)
    convolutions.append((config.fusion_hidden_sizes[-1], HEAD_CHANNELS))
    more = sum((16 - 9) * inputs * outputs for inputs, outputs in convolutions if uses_winograd(inputs, outputs))
    return FLOAT * (more + sum(math.prod(shape) for shape in parameter_shapes(config).values()))


def _token_bytes(height: int, width: int, config: VitMatteConfig) -> int:
    patch = config.backbone_config.patch_size
    return FLOAT * (height // patch) * (width // patch) * config.hidden_size


def _block_scratch(config: VitMatteConfig) -> int:
    """Count the bytes that a thread holds inside a block, at most: scores of a block of keys, or rows of the MLP."""
    return FLOAT * 2 * 1024 * 2 * config.hidden_size


def _tile_bytes(config: VitMatteConfig) -> int:
    """Count the bytes of one alpha tile's maps: last two fusion blocks, first detail map, image and head."""
    pixels = (ALPHA_TILE_ROWS + 4) * (ALPHA_TILE_COLUMNS + 4)
    *_, before, last = [0, *config.fusion_hidden_sizes]
    quarter = before + (config.convstream_hidden_sizes[0] if config.convstream_hidden_sizes else 0)
    return FLOAT * pixels * (last + 16 + 8 + quarter // 3)
