"""The validation sets: samples of held-back photos, masks and sprites from fixed seeds, narrow and wide trimaps.

One is drawn as `compose` does. In sixty of its pictures some kinds of shape do not occur at all, so a second set
holds equally many of each of those. A third holds equally many of each kind of scene: in the first two the foreground
is mostly one material, which photographs hardly ever show.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from .compose import Sample, make_sample
from .material import read_material
from .scenes import make_scene

SEED = 20_000_003
SEED_OF_KINDS = 20_000_023
SEED_OF_SCENES = 20_000_029
RARE_KINDS = ("net", "smoke", "glass")


def validation_set(material: str | Path, count: int, size: int) -> Iterator[Sample]:
    """`count` samples of size x size pixels, always the same ones for the same packed material."""
    held_back = read_material(material, held_back=True)
    for number in range(count):
        yield make_sample([SEED, number], size, held_back)


def set_of_kinds(material: str | Path, kinds: Sequence[str], per_kind: int, size: int) -> Iterator[Sample]:
    """`per_kind` samples of each of `kinds` (see `compose.KINDS`); a kind's samples do not depend on the others."""
    held_back = read_material(material, held_back=True)
    for kind in kinds:
        for number in range(per_kind):
            yield make_sample([SEED_OF_KINDS, *kind.encode(), number], size, held_back, kind)


def set_of_scenes(material: str | Path, kinds: Sequence[str], per_kind: int, size: int) -> Iterator[Sample]:
    """`per_kind` samples of each of `kinds` (see `scenes.SCENES`); a kind's samples do not depend on the others."""
    held_back = read_material(material, held_back=True)
    for kind in kinds:
        for number in range(per_kind):
            yield make_scene([SEED_OF_SCENES, *kind.encode(), number], size, held_back, kind)
