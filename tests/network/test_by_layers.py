"""The pass by layers is the pass that runs, to the bit."""

import numpy as np
import pytest
from support.odd_networks import ODD

from numpy_vitmatte.network import forward, forward_by_layers, pack_network
from numpy_vitmatte.network.forward_pass import Trace
from numpy_vitmatte.testing import random_checkpoint, random_pixels, tiny_config

# transformers cannot make these.
MORE = ODD | {"MLP ratio 2.5": {"mlp_ratio": 2.5}, "no positions": {"use_absolute_position_embeddings": False}}


@pytest.mark.parametrize("changes", MORE.values(), ids=MORE)
@pytest.mark.parametrize("tokens", [(5, 11), (3, 2)], ids=str)
def test_the_same_bits(changes, tokens):
    """Alpha, hidden states and attention probabilities, on grids that no window divides."""
    config = tiny_config(**changes)
    patch = config.backbone_config.patch_size
    network = pack_network(random_checkpoint(config, seed=2), config)
    pixels = random_pixels(1, 4, tokens[0] * patch, tokens[1] * patch, seed=2)
    image = np.ascontiguousarray(pixels[0].transpose(1, 2, 0))
    kept, trace = {}, Trace([], [])
    alpha = forward(image, network, trace)
    np.testing.assert_array_equal(forward_by_layers(image, network, kept.setdefault), alpha)
    np.testing.assert_array_equal(forward_by_layers(image, network), alpha)
    names = [f"backbone.encoder.layer.{index}" for index in range(len(trace.attentions))]
    for name, state in zip(["backbone.embeddings", *names], trace.hidden_states, strict=True):
        np.testing.assert_array_equal(kept[name], state, name)
    for name, probabilities in zip(names, trace.attentions, strict=True):
        np.testing.assert_array_equal(kept[f"{name}.attention.probabilities"], probabilities, name)
    assert kept["alphas"].shape == image.shape[:2]


def test_the_pass_goes_on_with_what_was_recorded():
    """A record may put something else in a result's place: without features only the detail maps are left."""
    config = tiny_config()
    network, pixels = pack_network(random_checkpoint(config), config), random_pixels(1, 4, 96, 112)
    image = np.ascontiguousarray(pixels[0].transpose(1, 2, 0))
    last = f"backbone.encoder.layer.{network.feature_index - 1}"
    alpha = forward_by_layers(image, network, lambda name, value: 0 * value if name == last else value)
    assert np.abs(alpha - forward_by_layers(image, network)).max() > 0.01
