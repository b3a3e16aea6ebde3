"""A block as it runs: as its layers one after another, to the bit."""

from functools import partial

import numpy as np
import pytest
from support.intermediates import of_the_model

from numpy_vitmatte.layers.attention import global_attention, window_attention
from numpy_vitmatte.layers.mlp import mlp
from numpy_vitmatte.layers.neck import residual_neck
from numpy_vitmatte.layers.norm import layer_norm
from numpy_vitmatte.model import VitMatteForImageMatting
from numpy_vitmatte.network import blocks
from numpy_vitmatte.network.blocks import global_block, transformer_block, window_block
from numpy_vitmatte.network.parameters import pack_network
from numpy_vitmatte.runtime.threads import set_num_threads
from numpy_vitmatte.testing import random_checkpoint, random_pixels, tiny_config

CONFIG = tiny_config()
WINDOWED, GLOBAL, _ = pack_network(random_checkpoint(CONFIG, seed=3), CONFIG).backbone.blocks


def draw_tokens(height, width):
    return np.random.default_rng(height).standard_normal((height, width, CONFIG.hidden_size)).astype(np.float32)


def by_layers(tokens, block, probabilities=None):
    """Norm, attention, norm and MLP, one after another, without the neck."""
    attend = partial(window_attention, window=block.window) if block.window else global_attention
    tokens = tokens + attend(layer_norm(tokens, block.norm1), block.attention, probabilities=probabilities)
    return tokens + mlp(layer_norm(tokens, block.norm2), block.mlp)


@pytest.mark.parametrize("kept", [False, True])
@pytest.mark.parametrize("turns", [0, 4])
def test_window_block(kept, turns, monkeypatch):
    """At windows that reach into padding, too. With 0 turns a thread takes its windows through the MLP, too."""
    monkeypatch.setattr(blocks, "TURNS", turns)
    tokens = draw_tokens(6, 7)
    before, count = tokens.copy(), WINDOWED.window**2
    own, expected = np.empty((2, 4, GLOBAL.attention.heads, count, count), np.float32)
    out = window_block(tokens, WINDOWED, own if kept else None)
    np.testing.assert_array_equal(out, by_layers(tokens, WINDOWED, expected))
    np.testing.assert_array_equal(tokens, before)
    if kept:
        np.testing.assert_array_equal(own, expected)


@pytest.mark.parametrize("kept", [False, True])
@pytest.mark.parametrize("side", [6, 31])
def test_global_block(kept, side):
    """On a small grid, and on one of several blocks of queries and of keys."""
    tokens = draw_tokens(side, side + 1)
    before, count = tokens.copy(), side * (side + 1)
    own, expected = np.empty((2, 1, GLOBAL.attention.heads, count, count), np.float32)
    out = global_block(tokens, GLOBAL, own if kept else None)
    np.testing.assert_array_equal(out, by_layers(tokens, GLOBAL, expected))
    np.testing.assert_array_equal(tokens, before)
    if kept:
        np.testing.assert_array_equal(own, expected)


def test_some_tokens_are_wanted():
    """They come out as all do together, whatever the others hold."""
    tokens, wanted = draw_tokens(6, 7), np.array([0, 5, 17, 41])
    out = global_block(tokens, GLOBAL, wanted=wanted)
    channels = CONFIG.hidden_size
    expected = by_layers(tokens, GLOBAL).reshape(-1, channels)[wanted]
    np.testing.assert_array_equal(out.reshape(-1, channels)[wanted], expected)


@pytest.mark.parametrize("block", [WINDOWED, GLOBAL], ids=["windows", "the whole grid, a neck"])
def test_transformer_block(block):
    """With its neck, where it has one."""
    tokens = draw_tokens(7, 9)
    expected = by_layers(tokens, block)
    if block.neck is not None:
        expected = residual_neck(expected, block.neck)
    np.testing.assert_array_equal(transformer_block(tokens, block), expected)


def test_the_blocks_are_of_both_kinds():
    assert (WINDOWED.window > 0, WINDOWED.neck is None) == (True, True)
    assert (GLOBAL.window > 0, GLOBAL.neck is None) == (False, False)


def test_windows_taken_through_the_mlp_or_not(monkeypatch):
    """The same bits where each thread has many windows, and takes them on through the MLP, and where it has few."""
    ways = []

    def noted(tokens, window):
        ways.append(take_turns(tokens, window))
        return ways[-1]

    take_turns = blocks._threads_take_turns
    monkeypatch.setattr(blocks, "_threads_take_turns", noted)
    patch = CONFIG.backbone_config.patch_size
    model = VitMatteForImageMatting(CONFIG, random_checkpoint(CONFIG, seed=2))
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
