"""The packed material: one zip of small photos, alpha masks and RGBA sprites, read into memory at once.

`python -m training.pack` writes the zip from the data folders; everything else reads it. Inside are
``photos/*.jpg`` (RGB), ``masks/*.png`` (L: alpha alone) and ``sprites/*.png`` (RGBA, straight colour).
Every 20th file of each kind is held back: training never draws it, validation draws nothing else.
"""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

HOLD_BACK_EVERY = 20


@dataclass(frozen=True)
class Material:
    """Pictures in memory.

    Attributes
    ----------
    photos : list of (H, W, 3) uint8
    masks : list of (H, W) uint8, alpha 0..255
    sprites : list of (H, W, 4) uint8, straight colour
    """

    photos: list[np.ndarray]
    masks: list[np.ndarray]
    sprites: list[np.ndarray]

    def describe(self) -> str:
        """Counts in one line."""
        return f"{len(self.photos)} photos, {len(self.masks)} masks, {len(self.sprites)} sprites"


def read_material(path: str | Path, held_back: bool = False, every: int = HOLD_BACK_EVERY) -> Material:
    """Read the zip; `held_back` chooses the validation part (file numbers divisible by `every`)."""
    kinds: dict[str, list[np.ndarray]] = {"photos": [], "masks": [], "sprites": []}
    with zipfile.ZipFile(path) as archive:
        names = sorted(archive.namelist())
        for kind, pictures in kinds.items():
            for number, name in enumerate(n for n in names if n.startswith(kind + "/")):
                if (number % every == 0) == held_back:
                    pictures.append(np.asarray(Image.open(io.BytesIO(archive.read(name)))))
    return Material(**kinds)
