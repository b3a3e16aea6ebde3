"""The decoder by bands and tiles: the same bits as whole maps, whatever is left out."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from numpy_vitmatte.network import by_layers, decoder_plan
from numpy_vitmatte.network.decoder import decoder
from numpy_vitmatte.network.decoder_plan import Pyramid, plan_decoder, tokens_of
from numpy_vitmatte.network.forward_pass import forward
from numpy_vitmatte.network.parameters import pack_network
from numpy_vitmatte.testing import random_checkpoint, tiny_config

CONFIG = tiny_config()
NETWORK = pack_network(random_checkpoint(CONFIG, seed=4), CONFIG)


@pytest.fixture(autouse=True)
def small_tiles(monkeypatch):
    """Tiles of a few pixels, so that small pictures have many."""
    sizes = {"ALPHA_TILE_ROWS": 16, "ALPHA_TILE_COLUMNS": 16, "STORED_ROWS": 4, "STORED_COLUMNS": 6}
    for name, value in sizes.items():
        monkeypatch.setattr(decoder_plan, name, value)


def draw(height, width, seed):
    """Features (h, w, C) and a picture (H, W, 4) of ``height`` x ``width`` tokens."""
    generator = np.random.default_rng(seed)
    channels = CONFIG.backbone_config.hidden_size
    patch = CONFIG.backbone_config.patch_size
    features = generator.standard_normal((height, width, channels)).astype(np.float32)
    return features, generator.standard_normal((height * patch, width * patch, 4)).astype(np.float32)


def pyramid_of(image):
    return Pyramid(*image.shape[:2], len(NETWORK.decoder.fusion_blocks))


def draw_wanted(shape, seed):
    """Some pixels: a few spots and a line."""
    generator, wanted = np.random.default_rng(seed), np.zeros(shape, bool)
    for _ in range(int(generator.integers(1, 4))):
        y, x = (int(generator.integers(side)) for side in shape)
        wanted[y : y + int(generator.integers(1, 9)), x : x + int(generator.integers(1, 9))] = True
    return wanted


@settings(max_examples=15)
@given(
    height=st.integers(1, 5), width=st.integers(1, 5), band_rows=st.sampled_from([None, 1, 20]), seed=st.integers(0, 99)
)
def test_bands_and_tiles_change_no_bit(height, width, band_rows, seed):
    """At every border of the picture, of a band and of a tile."""
    features, image = draw(height, width, seed)
    expected = by_layers.decoder(features, image, NETWORK.decoder)
    plan = plan_decoder(pyramid_of(image), band_rows=band_rows)
    np.testing.assert_array_equal(decoder(features, image, NETWORK.decoder, plan), expected)


@settings(max_examples=25)
@given(
    height=st.integers(1, 5), width=st.integers(1, 5), band_rows=st.sampled_from([None, 20]), seed=st.integers(0, 99)
)
def test_wanted_pixels_change_no_bit(height, width, band_rows, seed):
    """However few are wanted; tokens that the plan does not name may hold anything."""
    features, image = draw(height, width, seed)
    expected = by_layers.decoder(features, image, NETWORK.decoder)
    wanted = draw_wanted(image.shape[:2], seed)
    plan = plan_decoder(pyramid_of(image), wanted, band_rows)
    features[~tokens_of(plan, pyramid_of(image))] = np.nan
    np.testing.assert_array_equal(decoder(features, image, NETWORK.decoder, plan)[wanted], expected[wanted])


@pytest.mark.parametrize("seed", range(6))
def test_the_whole_network_for_some_pixels(seed):
    """The last block leaves tokens out as well."""
    _, image = draw(5, 7, seed)
    wanted = draw_wanted(image.shape[:2], seed)
    np.testing.assert_array_equal(forward(image, NETWORK, wanted=wanted)[wanted], forward(image, NETWORK)[wanted])
