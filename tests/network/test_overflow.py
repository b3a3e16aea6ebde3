"""The bound on the decoder's numbers holds for every number, and is far from where float32 ends."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from numpy_vitmatte.model import VitMatteForImageMatting
from numpy_vitmatte.network import by_layers
from numpy_vitmatte.network.overflow import LARGEST_SUM, Gain
from numpy_vitmatte.network.parameters import pack_network
from numpy_vitmatte.testing import random_checkpoint, tiny_config

CONFIG = tiny_config()


@given(seed=st.integers(0, 20), image=st.floats(0.01, 1e3), tokens=st.floats(0.01, 1e3))
def test_no_number_is_larger(seed, image, tokens):
    decoder = pack_network(random_checkpoint(CONFIG, seed=seed), CONFIG).decoder
    generator = np.random.default_rng(seed)
    patch, channels = CONFIG.backbone_config.patch_size, CONFIG.hidden_size
    pixels = generator.uniform(-image, image, (2 * patch, 3 * patch, 4)).astype(np.float32)
    features = generator.uniform(-tokens, tokens, (2, 3, channels)).astype(np.float32)
    found = [0.0]

    def note(_, value):
        found.append(float(np.abs(value).max()))
        return value

    by_layers.decoder(features, pixels, decoder, note)
    assert max(found) <= decoder.gains.largest(image, tokens) * (1 + 1e-5)  # float32 rounds


def test_a_bound_that_is_reached():
    """Inputs with the signs of the weights are the worst."""
    assert Gain(9.0, 2.0).bound(3.0) == 29.0


def test_the_trained_network_is_nowhere_near():
    gains = VitMatteForImageMatting.from_pretrained("vitmatte-tiny").network().decoder.gains
    assert gains.largest(1e6, 1e6) < LARGEST_SUM / 1e10
