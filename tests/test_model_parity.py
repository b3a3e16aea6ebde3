"""The whole model against transformers, end to end and at every named result in between."""

from dataclasses import replace

import numpy as np
import pytest
from support.example_configs import BASE_FILE, SMALL_FILE
from support.intermediates import assert_same, of_the_model
from support.odd_networks import ODD

from numpy_vitmatte.configuration import VitMatteConfig
from numpy_vitmatte.model import VitMatteForImageMatting
from numpy_vitmatte.testing import random_checkpoint, random_pixels, tiny_config

NEEDS = "the [parity] extra is not installed; tests/test_recorded.py compares with recorded activations instead"
torch = pytest.importorskip("torch", reason=NEEDS)
transformers = pytest.importorskip("transformers", reason=NEEDS)

from support.transformers_models import intermediates, transformers_model  # noqa: E402

pytestmark = pytest.mark.parity

SMALL = VitMatteConfig.from_dict(SMALL_FILE)
BASE = VitMatteConfig.from_dict(BASE_FILE)


def check(config, *shape, seed=0):
    """Both models with the same random weights, on the same random batch."""
    tensors = random_checkpoint(config, seed)
    pixels = random_pixels(*shape, seed=seed)
    expected = intermediates(transformers_model(config, tensors), pixels)
    assert_same(of_the_model(VitMatteForImageMatting(config, tensors), pixels), expected)
    attentions = [value for name, value in expected.items() if name.endswith(".probabilities")]
    assert max(value.max() for value in attentions) > 0.9, "no row of any softmax is peaked"
    alpha = expected["alphas"]
    assert ((alpha > 0.02) & (alpha < 0.98)).mean() > 0.05, "alphas are saturated: they would hide differences"


@pytest.fixture(scope="module")
def small_pair():
    """ViTMatte-S of both packages."""
    tensors = random_checkpoint(SMALL)
    return VitMatteForImageMatting(SMALL, tensors), transformers_model(SMALL, tensors)


@pytest.mark.parametrize(("height", "width"), [(32, 32), (160, 224), (224, 176), (16, 240)])
def test_vitmatte_s(small_pair, height, width):
    """Grids smaller than a window, divided by it and not."""
    model, other = small_pair
    pixels = random_pixels(1, 4, height, width)
    assert_same(of_the_model(model, pixels), intermediates(other, pixels))


def test_vitmatte_s_at_640x960(small_pair):
    """The size of the published example; without attention probabilities, which would take gigabytes."""
    model, other = small_pair
    pixels = random_pixels(1, 4, 640, 960)
    own = model(pixels, output_hidden_states=True)
    with torch.no_grad():
        expected = other(torch.from_numpy(pixels), output_hidden_states=True)
    assert len(own.hidden_states) == len(expected.hidden_states) == 13
    for index, (state, other_state) in enumerate(zip(own.hidden_states, expected.hidden_states, strict=True)):
        assert_same({f"hidden_states.{index}": state}, {f"hidden_states.{index}": other_state.numpy()})
    assert_same({"alphas": own.alphas}, {"alphas": expected.alphas.numpy()})


def test_vitmatte_b():
    """Twelve heads and 768 channels, which the file leaves out as defaults."""
    assert (BASE.backbone_config.hidden_size, BASE.backbone_config.num_attention_heads) == (768, 12)
    check(BASE, 1, 4, 160, 224)


@pytest.mark.parametrize("changes", ODD.values(), ids=ODD)
@pytest.mark.parametrize("tokens", [(7, 4), (2, 9)], ids=str)
def test_odd_networks(changes, tokens):
    """Grids that no window divides, for everything a configuration can say."""
    config = tiny_config(**changes)
    patch = config.backbone_config.patch_size
    check(config, 1, 4, tokens[0] * patch, tokens[1] * patch, seed=3)


def test_without_absolute_positions():
    """Transformers 5.23 cannot build such a network from scratch (it initializes the absent table): give it zeros."""
    config = tiny_config(use_absolute_position_embeddings=False)
    tensors, pixels = random_checkpoint(config), random_pixels(1, 4, 112, 64)
    name, zeros = "backbone.embeddings.position_embeddings", np.zeros((1, 26, 18), np.float32)
    full = replace(config, backbone_config=replace(config.backbone_config, use_absolute_position_embeddings=True))
    expected = intermediates(transformers_model(full, tensors | {name: zeros}), pixels)
    assert_same(of_the_model(VitMatteForImageMatting(config, tensors), pixels), expected)


@pytest.mark.parametrize("batch", [2, 3])
def test_batches(batch):
    """Pictures of a batch do not see each other: each has the bits of its own run, and they differ."""
    config = tiny_config()
    tensors, pixels = random_checkpoint(config), random_pixels(batch, 4, 112, 64)
    model = VitMatteForImageMatting(config, tensors)
    together = of_the_model(model, pixels)
    assert_same(together, intermediates(transformers_model(config, tensors), pixels))
    for index in range(batch):
        for name, value in of_the_model(model, pixels[index : index + 1]).items():
            rows = len(value)
            np.testing.assert_array_equal(value, together[name][index * rows : (index + 1) * rows], err_msg=name)
    assert np.abs(together["alphas"][0] - together["alphas"][1]).max() > 0.1


def test_transformers_loads_what_we_save(tmp_path):
    """No tensor is missing, unexpected or of another shape."""
    config = tiny_config(batch_norm_eps=0.01, layer_norm_eps=0.01, window_size=3)
    model = VitMatteForImageMatting(config, random_checkpoint(config))
    model.save_pretrained(tmp_path)
    other, report = transformers.VitMatteForImageMatting.from_pretrained(tmp_path, output_loading_info=True)
    assert not any(report.values()), report
    pixels = random_pixels(1, 4, 112, 64)
    assert_same(of_the_model(model, pixels), intermediates(other.eval(), pixels))


def test_we_load_what_transformers_saves(tmp_path):
    """With its own config.json, which leaves out what equals a default."""
    config = tiny_config(batch_norm_eps=0.01, layer_norm_eps=0.01, window_size=3)
    other = transformers_model(config, random_checkpoint(config, seed=5))
    other.save_pretrained(tmp_path)
    model = VitMatteForImageMatting.from_pretrained(tmp_path)
    pixels = random_pixels(1, 4, 112, 64)
    assert_same(of_the_model(model, pixels), intermediates(other, pixels))
