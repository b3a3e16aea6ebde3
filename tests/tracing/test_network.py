"""The trace against the model, its names and layouts; needs no PyTorch."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from numpy_vitmatte.errors import CheckpointError, ImageError, VitMatteError
from numpy_vitmatte.model import VitMatteForImageMatting
from numpy_vitmatte.pipeline.photo_to_alpha import matte
from numpy_vitmatte.processing import VitMatteImageProcessor
from numpy_vitmatte.testing import assert_layers_close, assert_within, random_checkpoint, random_pixels, tiny_config
from numpy_vitmatte.testing.strategies import checkpoints, pixel_values
from numpy_vitmatte.tracing import trace, trace_pixel_values
from numpy_vitmatte.tracing.layer_order import network_order

# As in tests/support/intermediates.py: twice what float32 loses on such networks.
ALPHA = 5e-6

PHOTO = np.random.default_rng(3).integers(0, 256, (21, 30, 3), dtype=np.uint8)
TRIMAP = np.repeat(np.array([0, 128, 255], np.uint8), 10)[None].repeat(21, axis=0)


@given(st.data())
@settings(max_examples=15)
def test_alphas_are_the_models(data):
    """Of any network, and in a batch; and names come in the order in which they were computed."""
    config, tensors = data.draw(checkpoints())
    pixels = data.draw(pixel_values(config))
    model = VitMatteForImageMatting(config, tensors)
    layers = trace_pixel_values(pixels, model, fine=True)
    out = model(pixels, output_hidden_states=True)
    assert_within(layers["alphas"], out.alphas, ALPHA, "alphas")
    hidden = {f"backbone.encoder.layer.{n}": state for n, state in enumerate(out.hidden_states[1:])}
    assert_layers_close(layers, {"backbone.embeddings": out.hidden_states[0]} | hidden)
    assert list(layers) == network_order(reversed(layers))
    assert {(array.dtype, array.flags.c_contiguous) for array in layers.values()} == {(np.dtype(np.float32), True)}


def test_fine_adds_and_changes_nothing():
    config = tiny_config()
    model = VitMatteForImageMatting(config, random_checkpoint(config))
    pixels = random_pixels(1, 4, 96, 112)
    coarse, fine = (trace_pixel_values(pixels, model, fine=wanted) for wanted in (False, True))
    block = "backbone.encoder.layer.1"
    assert list(coarse) == [
        "pixel_values",
        "backbone.embeddings",
        *(f"backbone.encoder.layer.0{part}" for part in (".norm1", ".attention", ".norm2", ".mlp", "")),
        *(block + part for part in (".norm1", ".attention", ".norm2", ".mlp", ".residual", "")),
        *(f"backbone.encoder.layer.2{part}" for part in (".norm1", ".attention", ".norm2", ".mlp", "")),
        *(f"decoder.convstream.convs.{n}" for n in range(3)),
        *(f"decoder.fusion_blocks.{n}" for n in range(4)),
        "decoder.matting_head",
        "alphas",
    ]
    assert {name: fine[name].tobytes() for name in coarse} == {name: coarse[name].tobytes() for name in coarse}
    added = [name for name in fine if name.startswith(block) and name not in coarse]
    assert [name.removeprefix(block) for name in added] == [
        ".attention.qkv",
        ".attention.probabilities",
        ".mlp.fc1",
        *(f".residual.{part}{n}" for n in (1, 2, 3) for part in ("conv", "norm")),
    ]


def test_layouts():
    """A grid of 6 x 7 tokens, which windows of 5 do not divide."""
    config = tiny_config()
    pixels = random_pixels(1, 4, 96, 112)
    layers = trace_pixel_values(pixels, VitMatteForImageMatting(config, random_checkpoint(config)), fine=True)
    windowed, everywhere = "backbone.encoder.layer.0", "backbone.encoder.layer.1"
    shapes = {
        windowed: (1, 18, 6, 7),
        f"{windowed}.norm1": (1, 6, 7, 18),
        f"{windowed}.attention": (4, 5, 5, 18),
        f"{windowed}.attention.qkv": (4, 5, 5, 54),
        f"{windowed}.attention.probabilities": (4, 3, 25, 25),
        f"{everywhere}.attention": (1, 6, 7, 18),
        f"{everywhere}.attention.probabilities": (1, 3, 42, 42),
        f"{everywhere}.mlp.fc1": (1, 6, 7, 72),
        f"{everywhere}.residual.norm1": (1, 9, 6, 7),
        "decoder.matting_head": (1, 1, 96, 112),
        "alphas": (1, 1, 96, 112),
    }
    assert {name: layers[name].shape for name in shapes} == shapes
    logits, alphas = layers["decoder.matting_head"], layers["alphas"]
    assert_within(1 / (1 + np.exp(-logits.astype(np.float64))), alphas, 1e-6, "sigmoid")


def test_trace_of_a_photo(lively_checkpoint):
    """The padded photo; before padding the alphas are the raw ones of ``matte``."""
    layers = trace(PHOTO, TRIMAP, lively_checkpoint)
    model = VitMatteForImageMatting.from_pretrained(lively_checkpoint)
    inputs = VitMatteImageProcessor.from_pretrained(lively_checkpoint)(images=PHOTO, trimaps=TRIMAP)
    np.testing.assert_array_equal(layers["pixel_values"], inputs["pixel_values"])
    assert layers["alphas"].shape == (1, 1, 32, 32)
    assert_within(layers["alphas"][0, 0, :21, :30], matte(PHOTO, TRIMAP, model, raw=True), ALPHA)


def test_processor_can_be_given(lively_checkpoint):
    processor = VitMatteImageProcessor(image_mean=[0, 0, 0], image_std=[1, 1, 1])
    layers = trace(PHOTO, TRIMAP, lively_checkpoint, processor=processor)
    assert_within(layers["pixel_values"][0, :3, :21, :30], PHOTO.transpose(2, 0, 1) / 255, 1e-6)


@pytest.mark.parametrize(
    ("photo", "trimap", "model", "error", "message"),
    [
        ("nowhere.png", TRIMAP, "vitmatte-tiny", ImageError, "no such file"),
        (PHOTO, TRIMAP[:, 1:], "vitmatte-tiny", ImageError, "its trimap 29 x 21"),
        (PHOTO, TRIMAP, "no-such-model", CheckpointError, "neither a bundled checkpoint"),
        (PHOTO, TRIMAP, 7, VitMatteError, "model is a int"),
    ],
)
def test_bad_input(photo, trimap, model, error, message):
    with pytest.raises(error, match=message):
        trace(photo, trimap, model)


def test_bad_pixel_values():
    model = VitMatteForImageMatting.from_config(tiny_config())
    with pytest.raises(VitMatteError, match=r"pixel_values has shape \(1, 3, 32, 32\)"):
        trace_pixel_values(np.zeros((1, 3, 32, 32), np.float32), model)
    with pytest.raises(VitMatteError, match="every pixel must be a finite number"):
        trace_pixel_values(np.full((1, 4, 32, 32), np.nan, np.float32), model)
