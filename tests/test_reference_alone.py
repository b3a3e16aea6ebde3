"""The reference by itself, without PyTorch: float types, windows, what it records."""

import numpy as np
import pytest

from numpy_vitmatte import reference
from numpy_vitmatte.testing import random_checkpoint, random_pixels, random_tensor, tiny_config, wide
from numpy_vitmatte.tracing.layer_order import network_order


@pytest.mark.parametrize("float_type", [np.float32, np.float64])
def test_no_other_float_type_is_made(float_type):
    """Not in any intermediate result."""
    config = tiny_config()
    pixels = random_pixels(1, 4, 80, 112)[0].transpose(1, 2, 0).astype(float_type)
    tensors = {name: tensor.astype(float_type) for name, tensor in random_checkpoint(config).items()}
    kept = {}
    reference.vitmatte(pixels, tensors, config, kept.setdefault)
    assert len(kept) == 2 + 1 + 3 * 8 + 7 + 3 * 3 + 4 * 3 + 3 + 1
    assert {name: value.dtype for name, value in kept.items()} == dict.fromkeys(kept, np.dtype(float_type))


def test_resized_positions_keep_their_type():
    """The weights of the interpolation are computed in float64 and must not leak."""
    table = random_tensor(np.random.default_rng(0), "position_embeddings", (1, 26, 3))
    assert reference.absolute_positions(table, 3, 7).dtype == np.float32
    assert reference.relative_positions(table[0], 4).dtype == np.float32


def test_windows():
    """By hand: a grid of 2 x 3 tokens in windows of 2, the last half padding."""
    x = np.arange(6).reshape(2, 3, 1)
    windows = reference.into_windows(x, 2)
    np.testing.assert_array_equal(windows[..., 0], [[[0, 1], [3, 4]], [[2, 0], [5, 0]]])
    np.testing.assert_array_equal(reference.out_of_windows(windows, 2, 3), x)


def test_attention_of_several_grids():
    """Grids in one array do not see each other."""
    tensors = wide(reference.under(random_checkpoint(tiny_config()), "backbone.encoder.layer.0.attention."))
    grids = np.random.default_rng(0).standard_normal((3, 4, 5, 18))
    together, probabilities = reference.attention(grids, tensors, 3)
    for index, grid in enumerate(grids):
        alone, probability = reference.attention(grid, tensors, 3)
        np.testing.assert_allclose(together[index], alone, rtol=0, atol=1e-13)
        np.testing.assert_allclose(probabilities[index], probability, rtol=0, atol=1e-13)


def test_record():
    """Every result once, in the order of the network, and the computation goes on with what comes back."""
    config, names = tiny_config(), []
    pixels = random_pixels(1, 4, 80, 112)[0].transpose(1, 2, 0).astype(np.float64)
    tensors = wide(random_checkpoint(config))

    def without_the_first_block(name, value):
        names.append(name)
        return kept["backbone.embeddings"] if name == "backbone.encoder.layer.0" else value

    kept, second = {}, "backbone.encoder.layer.1.norm1"
    reference.vitmatte(pixels, tensors, config, kept.setdefault)
    changed = {}
    reference.vitmatte(
        pixels, tensors, config, lambda name, value: changed.setdefault(name, without_the_first_block(name, value))
    )
    assert names == network_order(names) == list(kept)
    part = reference.under(tensors, f"{second}.")
    expected = reference.layer_norm(kept["backbone.embeddings"], part, config.backbone_config.layer_norm_eps)
    np.testing.assert_array_equal(changed[second], expected)
