"""The whole network in float32 against the reference in float64, result by result; needs no PyTorch."""

import numpy as np
import pytest
from support.intermediates import assert_same, of_the_model
from support.odd_networks import ODD

from numpy_vitmatte import reference
from numpy_vitmatte.model import VitMatteForImageMatting
from numpy_vitmatte.testing import random_checkpoint, random_pixels, tiny_config, wide
from numpy_vitmatte.tracing.network import in_layout

# transformers 5.23 takes only whole ratios, and cannot make fresh weights without absolute positions.
MORE = ODD | {"MLP ratio 2.5": {"mlp_ratio": 2.5}, "no positions": {"use_absolute_position_embeddings": False}}


def of_the_reference(config, tensors, picture):
    """The reference's record of one image (4, H, W), in the layout of transformers."""
    kept = {}
    image = picture.transpose(1, 2, 0).astype(np.float64)
    reference.vitmatte(image, wide(tensors), config, kept.setdefault)
    return {name: in_layout(name, value) for name, value in kept.items()}


@pytest.mark.parametrize("changes", MORE.values(), ids=MORE)
@pytest.mark.parametrize("tokens", [(5, 11), (3, 2)], ids=str)
def test_odd_networks(changes, tokens):
    """Every kind of network on grids that no window divides."""
    config = tiny_config(**changes)
    tensors, patch = random_checkpoint(config, seed=2), config.backbone_config.patch_size
    pixels = random_pixels(1, 4, tokens[0] * patch, tokens[1] * patch, seed=2)
    model = VitMatteForImageMatting(config, tensors)
    actual = of_the_model(model, pixels)
    expected = of_the_reference(config, tensors, pixels[0])
    assert actual.keys() <= expected.keys()
    assert_same(actual, {name: expected[name] for name in actual})
