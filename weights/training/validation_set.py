"""The validation set: samples of held-back photos, masks and sprites from a fixed seed, narrow and wide trimaps."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from .compose import Sample, make_sample
from .material import read_material

SEED = 20_000_003


def validation_set(material: str | Path, count: int, size: int) -> Iterator[Sample]:
    """`count` samples of size x size pixels, always the same ones for the same packed material."""
    held_back = read_material(material, held_back=True)
    for number in range(count):
        yield make_sample([SEED, number], size, held_back)
