"""The whole network in float32 against the reference in float64, result by result; needs no PyTorch."""

from functools import partial

import numpy as np
import pytest
from support.intermediates import assert_same, of_the_model
from support.odd_networks import ODD

from numpy_vitmatte import reference
from numpy_vitmatte.layers import attention
from numpy_vitmatte.layers.mlp import mlp
from numpy_vitmatte.layers.neck import residual_neck
from numpy_vitmatte.layers.norm import layer_norm
from numpy_vitmatte.model import VitMatteForImageMatting
from numpy_vitmatte.network.forward_pass import transformer_block
from numpy_vitmatte.network.parameters import pack_network
from numpy_vitmatte.runtime.threads import set_num_threads
from numpy_vitmatte.testing import random_checkpoint, random_pixels, tiny_config, wide

# transformers 5.23 takes only whole ratios, and cannot make fresh weights without absolute positions.
MORE = ODD | {"MLP ratio 2.5": {"mlp_ratio": 2.5}, "no positions": {"use_absolute_position_embeddings": False}}


def of_the_reference(config, tensors, picture):
    """The reference's record of one picture (4, H, W), in the layout of transformers."""
    record = {}
    image = picture.transpose(1, 2, 0).astype(np.float64)
    reference.vitmatte(image, wide(tensors), config, record.__setitem__)
    return {
        name: value if name.endswith(".attention") else np.atleast_3d(value).transpose(2, 0, 1)[None]
        for name, value in record.items()
    }


@pytest.mark.parametrize("changes", MORE.values(), ids=MORE)
@pytest.mark.parametrize("tokens", [(5, 11), (3, 2)], ids=str)
def test_odd_networks(changes, tokens):
    """Every kind of network on grids that no window divides."""
    config = tiny_config(**changes)
    tensors, patch = random_checkpoint(config, seed=2), config.backbone_config.patch_size
    pixels = random_pixels(1, 4, tokens[0] * patch, tokens[1] * patch, seed=2)
    model = VitMatteForImageMatting(config, tensors)
    assert_same(of_the_model(model, pixels), of_the_reference(config, tensors, pixels[0]))


@pytest.mark.parametrize("index", [0, 1], ids=["windows", "the whole grid, a neck"])
def test_a_block_is_its_layers_one_after_another(index):
    """To the bit, though threads take their tokens through several of them at once."""
    config = tiny_config()
    block = pack_network(random_checkpoint(config, seed=3), config).backbone.blocks[index]
    x = np.random.default_rng(0).standard_normal((7, 9, config.hidden_size)).astype(np.float32)
    attend = partial(attention.window_attention, window=block.window) if block.window else attention.global_attention
    expected = x + attend(layer_norm(x, block.norm1), block.attention)
    expected = expected + mlp(layer_norm(expected, block.norm2), block.mlp)
    if block.neck is not None:
        expected = residual_neck(expected, block.neck)
    assert (block.window > 0, block.neck is None) == (index == 0, index == 0)
    np.testing.assert_array_equal(transformer_block(x, block), expected)


def test_windows_taken_through_the_mlp_or_not(monkeypatch):
    """The same bits where each thread has many windows, and takes them on through the MLP, and where it has few."""
    ways = []

    def noted(tokens, window):
        ways.append(take_turns(tokens, window))
        return ways[-1]

    take_turns = attention._threads_take_turns
    monkeypatch.setattr(attention, "_threads_take_turns", noted)
    config = tiny_config()
    patch = config.backbone_config.patch_size
    model = VitMatteForImageMatting(config, random_checkpoint(config, seed=2))
    pixels = random_pixels(1, 4, 31 * patch, 34 * patch, seed=2)
    results = []
    for threads in (1, 3):
        set_num_threads(threads)
        results.append(of_the_model(model, pixels))
    assert len(ways) >= 2
    together, apart = ways[: len(ways) // 2], ways[len(ways) // 2 :]
    assert all(together)
    assert not any(apart)
    for name, value in results[0].items():
        np.testing.assert_array_equal(value, results[1][name])
