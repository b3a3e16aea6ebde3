"""Small folders of photos and trimaps for the tests of whole folders, and the command that mattes them."""

import os
import subprocess
import sys

import numpy as np
from PIL import Image

from numpy_vitmatte.batch.output_folder import RECORD_FILE


def make_folders(root, count, size=(40, 32)):
    """Folders ``photos`` and ``trimaps`` with files 00.png, 01.png, ...; a third of every trimap is unknown."""
    generator = np.random.default_rng(3)
    height, width = size
    trimap = np.repeat(np.uint8([0, 128, 255]), -(-height // 3))[:height, None].repeat(width, axis=1)
    for folder in ("photos", "trimaps"):
        (root / folder).mkdir()
    for index in range(count):
        photo = generator.integers(0, 256, (height, width, 3), dtype=np.uint8)
        Image.fromarray(photo).save(root / "photos" / f"{index:02}.png")
        Image.fromarray(trimap).save(root / "trimaps" / f"{index:02}.png")


def start_batch(root, *options, output="alphas", **keywords):
    """Start the command in a process of its own, in `root`."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-m", "numpy_vitmatte", "batch", "photos", "trimaps", "-o", output, *map(str, options)]
    keywords = {"text": True, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | keywords
    return subprocess.Popen(command, cwd=root, env=environment, **keywords)


def outputs(folder):
    """What stands under final names: name -> content."""
    return {path.name: path.read_bytes() for path in folder.glob("[!.]*")} if folder.exists() else {}


def hidden(folder):
    """Names of the other files, the record aside."""
    return {path.name for path in folder.glob(".*")} - {RECORD_FILE}
