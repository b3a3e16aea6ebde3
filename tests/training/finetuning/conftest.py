"""Folders of drawn pictures with known alpha, and a tiny checkpoint to begin with."""

import numpy as np
import pytest
from PIL import Image

from numpy_vitmatte import VitMatteForImageMatting, VitMatteImageProcessor
from numpy_vitmatte.teaching import hairy_picture, write_pictures
from numpy_vitmatte.testing import random_checkpoint, tiny_config

PICTURES = 5
SIZE = 96


@pytest.fixture(scope="session")
def folders(tmp_path_factory):
    """Photos, alphas of 16 bits, trimaps and two backgrounds, in folders of these names."""
    root = tmp_path_factory.mktemp("pictures")
    write_pictures(root, PICTURES, SIZE)
    (root / "backgrounds").mkdir()
    for number in range(2):
        background = np.rint(255 * hairy_picture(100 + number, SIZE).background).astype(np.uint8)
        Image.fromarray(background).save(root / "backgrounds" / f"{number}.png")
    return root


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory):
    """A folder with a network of 20,000 numbers drawn at random."""
    folder = tmp_path_factory.mktemp("checkpoint")
    config = tiny_config()
    VitMatteForImageMatting(config, random_checkpoint(config)).save_pretrained(folder)
    VitMatteImageProcessor().save_pretrained(folder)
    return folder
