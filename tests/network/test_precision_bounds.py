"""How far an alpha moves in a lower precision: the bounds that docs/precision.md promises, whatever the processor.

They hold for the bundled network's photo and for ViTMatte-S with random weights, whose alphas are all near one half,
where they move most. Tiles and pairs are computed in software where the processor has none.
"""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import numpy_vitmatte
from numpy_vitmatte import VitMatteConfig, VitMatteForImageMatting, VitMatteImageProcessor
from numpy_vitmatte.network import forward, pack_network
from numpy_vitmatte.network.precision import with_weights
from numpy_vitmatte.testing import random_checkpoint, random_pixels

DEMO = Path(numpy_vitmatte.__file__).parent / "demo"
MEAN_OF_MEDIUM, LARGEST_OF_HIGH = 5e-4, 1e-4
MEDIUM = [np.uint16, np.int16]
HIGH = np.int32


def moved(network, image, counted, dtype, exact):
    """The differences of the counted pixels' alphas from float32."""
    return np.abs(forward(image, with_weights(network, dtype)) - exact)[counted]


def channels_last(pixels):
    return np.ascontiguousarray(pixels[0].transpose(1, 2, 0))


def test_the_bundled_photo():
    """Its unknown pixels count."""
    photo, trimap = Image.open(DEMO / "photo.jpg"), np.array(Image.open(DEMO / "trimap.png").convert("L"))
    pixels = VitMatteImageProcessor.from_pretrained("vitmatte-tiny")(images=photo, trimaps=trimap)["pixel_values"]
    unknown = np.zeros(pixels.shape[2:], bool)
    unknown[: trimap.shape[0], : trimap.shape[1]] = trimap == 128
    network, image = VitMatteForImageMatting.from_pretrained("vitmatte-tiny").network("highest"), channels_last(pixels)
    exact = forward(image, network)
    for dtype in MEDIUM:
        assert 0 < moved(network, image, unknown, dtype, exact).mean() <= MEAN_OF_MEDIUM
    assert 0 < moved(network, image, unknown, HIGH, exact).max() <= LARGEST_OF_HIGH


@pytest.mark.parametrize(
    ("height", "width", "dtypes"),
    [(320, 448, [np.uint16]), (192, 256, [np.int16, HIGH])],  # the second are slow in software
    ids=["pairs", "tiles"],
)
def test_random_vitmatte_s(height, width, dtypes):
    config = VitMatteConfig()
    network = pack_network(random_checkpoint(config, seed=6), config)
    image = channels_last(random_pixels(1, 4, height, width, seed=1))
    exact = forward(image, network)
    for dtype in dtypes:
        differences = moved(network, image, np.ones(exact.shape, bool), dtype, exact)
        bound, found = (LARGEST_OF_HIGH, differences.max()) if dtype == HIGH else (MEAN_OF_MEDIUM, differences.mean())
        assert 0 < found <= bound
