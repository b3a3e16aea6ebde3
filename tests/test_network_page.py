"""The page of the network has the shapes that vitmatte-tiny really has."""

import re
from pathlib import Path

import numpy as np

from numpy_vitmatte import VitMatteForImageMatting, network

PAGE = (Path(__file__).resolve().parent.parent / "docs/network.md").read_text(encoding="utf-8")


def test_shapes_of_vitmatte_tiny():
    """Sides grow with the image, so a small one is enough: 64 x 64 has an eighth of each side of 512 x 512."""
    rows = re.findall(r"^\| `([\w.]+)`[^|]*\| (\d+)x(\d+)x?(\d*) \|$", PAGE, re.MULTILINE)
    assert len(rows) == 10
    model = VitMatteForImageMatting.from_pretrained("vitmatte-tiny")
    kept = {}
    image = np.zeros((64, 64, 4), np.float32)
    network.forward_by_layers(image, network.pack_network(model.tensors, model.config), kept.setdefault)
    for name, height, width, channels in rows:
        shape = (int(height) // 8, int(width) // 8, *([int(channels)] if channels else []))
        assert kept[name].shape == shape, name
