"""How much memory a job takes, before it starts, and how to make it take less.

The peak is a sum of arrays whose sizes follow from the picture's and the network's, so it can be written down. One
choice is free: the decoder's bands. Low bands hold less and compute a few rows of the small maps twice.
"""

import functools
import math
import re
from typing import NamedTuple

from numpy_vitmatte.checkpoint.tensor_shapes import parameter_shapes
from numpy_vitmatte.configuration import VitMatteConfig
from numpy_vitmatte.errors import VitMatteError
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
PROCESS = 189_000_000
"""Python, NumPy, Numba and the compiled kernels: measured, with a warm cache of kernels."""
STORED = 64_000_000
"""Unless a budget asks for less, the decoder's bands are as high as lets their stored maps fit here."""
PHOTO = 20
"""Bytes per pixel outside the network: photo, trimap and masks, as given and as read, and the finished alpha twice."""


class Budget(NamedTuple):
    """What a job will take.

    Attributes
    ----------
    band_rows : int
        Rows of the picture that the decoder takes at a time.
    peak : int
        Bytes of the process at its peak.
    """

    band_rows: int
    peak: int


class Around(NamedTuple):
    """What the process takes besides the network.

    Attributes
    ----------
    held : int
        Bytes while the network computes.
    apart : int
        Bytes of the largest other step, before the network's arrays are there or after they are gone.
    name : str
        The picture's sizes in words, for messages.
    """

    held: int
    apart: int
    name: str


class Allowance(int):
    """Bytes that the process may take at its peak, and how many of them the planner cannot know of.

    Less cannot be handed on instead: while weights are packed, others' bytes are not there yet, so that what a job
    takes is not the sum of its parts.

    Attributes
    ----------
    beside : int
        Bytes that are held besides what the planner counts; negative where it counts too many.
    """

    beside: int

    def __new__(cls, limit: int, beside: int = 0) -> "Allowance":
        """An ``int`` of its own kind."""
        allowance = super().__new__(cls, limit)
        allowance.beside = beside
        return allowance

    def with_beside(self, more: int) -> "Allowance":
        """The same limit, with ``more`` bytes held besides."""
        return Allowance(self, self.beside + more)


def parse_bytes(text: str | int) -> Allowance:
    """A number of bytes from words such as ``"2GB"``, ``"1.5 GiB"``, ``"800M"``; a whole number is taken as it is.

    Raises
    ------
    VitMatteError
        If it is not such an amount, or not more than 0.
    """
    if isinstance(text, Allowance):
        return text
    match = re.fullmatch(r"\s*([0-9]*\.?[0-9]+)\s*([KMGT]?)(I?)B?\s*", str(text).upper())
    value = float(match[1]) * (1024 if match[3] else 1000) ** " KMGT".index(match[2] or " ") if match else 0
    if value < 1:
        raise VitMatteError(f"{text!r} is not an amount of memory; give bytes, or for example 2GB, 1.5GiB or 800MB")
    return Allowance(int(value))


def plan_budget(
    height: int,
    width: int,
    config: VitMatteConfig,
    weights: int,
    max_memory: Allowance | None = None,
    around: Around | None = None,
) -> Budget:
    """Choose the decoder's bands.

    Parameters
    ----------
    height, width : int
        Of the padded picture.
    config : VitMatteConfig
    weights : int
        Bytes of the weights as loaded, as far as they are not mapped from a file; the packed ones come on top.
    max_memory : Allowance, optional
    around : Around, optional
        Besides the network; by default a photo of this size, its trimap and its alpha.

    Raises
    ------
    VitMatteError
        If no bands are low enough; the message names the smallest budget that would do.
    """
    around = around or Around(PHOTO * height * width, 0, f"{width} x {height} pixels")
    if max_memory is not None:
        around = around._replace(held=around.held + max_memory.beside, apart=around.apart + max_memory.beside)
    least: Budget | None = None
    for rows in [height, *(rows for rows in (2048, 1024, 768, 512, 384, 256, 128) if rows < height)]:
        budget, stored = _budget(height, width, config, weights, rows, around)
        if stored <= STORED if max_memory is None else budget.peak <= max_memory:
            return budget
        if least is None or budget.peak < least.peak:
            least = budget
    assert least is not None
    if max_memory is None:
        return least
    raise VitMatteError(
        f"a picture of {around.name} takes {_megabytes(least.peak)} of memory at least, and "
        f"{_megabytes(max_memory)} are allowed; allow more, or scale the picture down"
    )


def _megabytes(count: int) -> str:
    return f"{-(-count // 1_000_000)}MB"


def _budget(
    height: int, width: int, config: VitMatteConfig, weights: int, rows: int, around: Around
) -> tuple[Budget, int]:
    """The budget of one height of bands, and the bytes of their stored maps."""
    picture, tokens = FLOAT * 4 * height * width, _token_bytes(height, width, config)
    bands = plan_decoder(Pyramid(height, width, len(config.fusion_hidden_sizes)), band_rows=rows)
    channels = config.convstream_hidden_sizes, config.fusion_hidden_sizes
    stored = FLOAT * max(stored_floats(band, *channels) for band in bands)
    threads = get_num_threads()
    # A global block: tokens before and after, keys and values; or a neck's half-wide map in place of the latter two.
    backbone = 4 * tokens + threads * _block_scratch(config)
    decoder = tokens + FLOAT * height * width + stored + threads * _tile_bytes(config)
    network = around.held + picture + max(backbone, decoder)
    packed = _packed_bytes(config)
    # While they are packed, mapped weights are in memory, too.
    return Budget(rows, PROCESS + packed + max(packed, weights + max(network, around.apart))), stored


@functools.lru_cache(maxsize=16)
def _packed_bytes(config: VitMatteConfig) -> int:
    """The weights as the kernels read them; of a window that is computed in tiles 16 numbers for 9."""
    backbone, levels = config.backbone_config, len(config.fusion_hidden_sizes)
    details = [backbone.num_channels, *config.convstream_hidden_sizes][:levels]
    windows = [*zip(reversed(details), config.fusion_hidden_sizes, strict=True)]
    windows += [(config.hidden_size // 2, config.hidden_size // 2)] * len(backbone.residual_block_indices)
    more = sum((16 - 9) * inputs * outputs for inputs, outputs in windows if uses_winograd(inputs, outputs))
    return FLOAT * (more + sum(math.prod(shape) for shape in parameter_shapes(config).values()))


def _token_bytes(height: int, width: int, config: VitMatteConfig) -> int:
    patch = config.backbone_config.patch_size
    return FLOAT * (height // patch) * (width // patch) * config.hidden_size


def _block_scratch(config: VitMatteConfig) -> int:
    """What a thread holds inside a block, at most: scores against a block of keys, or rows inside the MLP."""
    return FLOAT * 2 * 1024 * 2 * config.hidden_size


def _tile_bytes(config: VitMatteConfig) -> int:
    """Maps of one tile: the last two fusion blocks, the first detail map, the picture, what the head holds."""
    pixels = (ALPHA_TILE_ROWS + 4) * (ALPHA_TILE_COLUMNS + 4)
    *_, before, last = [0, *config.fusion_hidden_sizes]
    quarter = before + (config.convstream_hidden_sizes[0] if config.convstream_hidden_sizes else 0)
    return FLOAT * pixels * (last + 16 + 8 + quarter // 3)
