"""Every entry of a trace against the output of transformers' module of that name, taken by a forward hook."""

import numpy as np
import pytest
from support.odd_networks import ODD

from numpy_vitmatte.model import VitMatteForImageMatting
from numpy_vitmatte.testing import assert_layers_close, random_checkpoint, random_pixels, tiny_config
from numpy_vitmatte.tracing import trace_pixel_values
from numpy_vitmatte.tracing.layer_order import network_order

NEEDS = "the [parity] extra is not installed; tests/tracing/test_network.py compares with the reference instead"
torch = pytest.importorskip("torch", reason=NEEDS)
pytest.importorskip("transformers", reason=NEEDS)

from support.transformers_models import hooked_outputs, transformers_model  # noqa: E402

pytestmark = pytest.mark.parity

# Modules whose output is their parent's, under whose name it stands.
SAME_AS_PARENT = ("attention.proj", "mlp.fc2", "fusion_blocks.{}.conv", "matting_head.matting_convs.3")


def with_weights(names, tensors):
    """The modules among names that own weights or hold modules that do, and give one array each."""
    owners = {name.rpartition(".")[0] for name in tensors}
    below = {owner.rsplit(".", depth)[0] for owner in owners for depth in range(owner.count(".") + 1)}
    lists = ("backbone", "backbone.encoder", "decoder", "decoder.convstream", "decoder.matting_head.matting_convs")
    return [name for name in names if name in below and name not in lists]


@pytest.mark.parametrize("changes", ODD.values(), ids=ODD)
def test_every_module(changes):
    """All modules that own weights, inside the layers too, for everything a configuration can say."""
    config = tiny_config(**changes)
    tensors, patch = random_checkpoint(config, seed=4), config.backbone_config.patch_size
    pixels = random_pixels(2, 4, 7 * patch, 4 * patch, seed=4)
    expected = hooked_outputs(transformers_model(config, tensors), pixels)
    found = trace_pixel_values(pixels, VitMatteForImageMatting(config, tensors), fine=True)
    duplicates = {name for name in expected if any(name.endswith(end) for end in endings(config))}
    modules = [name for name in with_weights(expected, tensors) if name not in duplicates]
    probabilities = [f"backbone.encoder.layer.{n}.attention.probabilities" for n in range(3) if n < depth(config)]
    assert set(found) == {"pixel_values", *modules, *probabilities, "alphas"}
    np.testing.assert_array_equal(found["pixel_values"], pixels)
    assert_layers_close(found, {name: expected[name] for name in network_order(found) if name != "pixel_values"})


def depth(config):
    return config.backbone_config.num_hidden_layers


def endings(config):
    return [end.format(n) for end in SAME_AS_PARENT for n in range(len(config.fusion_hidden_sizes))]


def test_the_layers_of_the_issue():
    """Without ``fine``: what a porter looks at first."""
    config = tiny_config()
    tensors, pixels = random_checkpoint(config), random_pixels(1, 4, 112, 64)
    expected = hooked_outputs(transformers_model(config, tensors), pixels)
    found = trace_pixel_values(pixels, VitMatteForImageMatting(config, tensors))
    assert_layers_close(expected, {name: value for name, value in found.items() if name != "pixel_values"})
