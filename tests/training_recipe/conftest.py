"""The training recipe without its data: a tiny packed material made on the spot."""

import io
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[2] / "weights"))


def png(array: np.ndarray) -> bytes:
    """The array as a PNG file."""
    file = io.BytesIO()
    Image.fromarray(array).save(file, "PNG")
    return file.getvalue()


@pytest.fixture(scope="session")
def packed(tmp_path_factory) -> Path:
    """A zip of four photos, four masks and four sprites of noise and discs."""
    path = tmp_path_factory.mktemp("material") / "material.zip"
    rng = np.random.default_rng(5)
    y, x = np.mgrid[:48, :48]
    disc = np.clip(20 - np.hypot(x - 24, y - 24), 0, 1)
    with zipfile.ZipFile(path, "w") as archive:
        for i in range(4):
            noise = rng.integers(0, 256, (48, 64, 3), np.uint8)
            archive.writestr(f"photos/{i}.png", png(noise))
            archive.writestr(f"masks/{i}.png", png((disc * 255).astype(np.uint8)))
            archive.writestr(f"sprites/{i}.png", png(np.dstack([noise[:, :48], disc * 255]).astype(np.uint8)))
    return path


@pytest.fixture(scope="session")
def material(packed):
    """Its part to train on, a `training.material.Material`."""
    from training.material import read_material

    return read_material(packed)
