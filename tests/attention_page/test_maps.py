"""Probabilities survive their way into bytes and back; one pixel's gradient is what small changes of the photo say."""

import json
import re
import zlib
from pathlib import Path

import numpy as np
import pytest
from attention import gradients, maps, scene, stops
from hypothesis import given
from hypothesis import strategies as st

from numpy_vitmatte import VitMatteImageProcessor, reference
from numpy_vitmatte.teaching import demo_photo

STATIC = Path(scene.__file__).parents[2] / "static"
SCRIPTS = ["attention-data.js", "attention-maps.js", "attention-draw.js", "attention-guide.js", "attention.js"]


@given(st.integers(0, 2**32 - 1), st.sampled_from([4, 64, 576]), st.floats(0.1, 8))
def test_no_row_loses_more_than_the_tolerance(seed, tokens, sharpness):
    """Rows from nearly even to one that is nearly all on one token."""
    probabilities = reference.softmax(sharpness * np.random.default_rng(seed).normal(size=(3, 2, tokens)))
    levels = maps.encode(probabilities.astype(np.float32))
    decoded = np.frombuffer(zlib.decompress(maps.packed(levels)), np.uint8).reshape(levels.shape).astype(float) ** 2
    decoded /= decoded.sum(axis=-1, keepdims=True)
    assert (np.abs(decoded - probabilities).sum(axis=-1) / 2 <= maps.TOLERANCE + 1e-6).all()  # float32 in the encoder


def test_rows_that_are_no_probabilities_are_refused():
    with pytest.raises(ValueError, match="is its sum 1"):
        maps.encode(np.full((1, 4), 1.5))


def test_the_places_of_the_tour_are_what_its_words_say():
    """They are written down, since the photo and its trimap stay."""
    trimap = scene.downscale_by_blocks(demo_photo()[1], scene.SIDE, scene.SIDE)

    def patch(token):
        return trimap[16 * token[0] : 16 * token[0] + 16, 16 * token[1] : 16 * token[1] + 16]

    assert (patch(stops.HAIR) == 128).mean() > 0.5
    assert (patch(stops.EDGE) == 128).mean() > 0.5
    assert stops.EDGE[1] % 8 == 7
    top, left = (16 * place for place in stops.INSIDE)
    assert (trimap[top - 48 : top + 64, left - 48 : left + 64] == 255).all()


def test_every_name_that_the_scripts_ask_for_is_in_the_page():
    page = (STATIC.parent / "attention.md").read_text(encoding="utf-8")
    text = "".join((STATIC / name).read_text(encoding="utf-8") for name in SCRIPTS[1:])
    asked = set(re.findall(r'this\.\$\("(\w+)"\)', text))
    assert len(asked) > 10
    assert all(f'id="at-{name}"' in page for name in asked)
    assert re.findall(r'src="_static/([\w.-]+)" defer', page) == SCRIPTS
    assert "http" not in text + (STATIC / "attention.css").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def job(tiny):
    """A made-up square with an unknown middle, in float64."""
    photo = np.random.default_rng(0).integers(0, 256, (128, 128, 3), dtype=np.uint8)
    trimap = np.zeros((128, 128), np.uint8)
    trimap[:, 48:] = 128
    trimap[:, 80:] = 255
    values = VitMatteImageProcessor()(images=photo, trimaps=trimap, return_tensors="np")["pixel_values"][0]
    tensors = {name: tensor.astype(np.float64) for name, tensor in tiny.tensors.items()}
    return gradients._Job(values.transpose(1, 2, 0).astype(np.float64), (60, 64), (0, 0), tensors, tiny.config)


@pytest.fixture(scope="module")
def tiny():
    return scene.VitMatteForImageMatting.from_pretrained(scene.MODEL)


def test_a_gradient_is_what_small_changes_say(job):
    """The largest cell and two others, against central differences over all four channels.

    A step of 1e-5 leaves an error of about 1e-10 of the slope, far below a level's width of 1/31.
    """
    found = gradients._gradient(job)
    peak = np.unravel_index(found.levels.argmax(), found.levels.shape)
    assert np.hypot(peak[0] - 60, peak[1] - 64) < 16  # the alpha depends most on what is near

    def size(place):
        slopes = []
        for channel in range(4):
            change = np.zeros_like(job.image)
            change[(*place, channel)] = 1e-5
            up, down = (reference.vitmatte(job.image + sign * change, job.tensors, job.config) for sign in (1, -1))
            slopes.append((up - down)[60, 64] / 2e-5)
        return np.abs(slopes).sum()

    for place in ((61, 66), (56, 60)):
        expected = gradients.LEVELS * np.sqrt(size(place) / size(peak))
        assert abs(found.levels[place] - expected) <= 0.51
    assert 0 < found.half < found.most
    assert 0 < found.trimap < 1


def test_the_numbers_of_a_token_fit_into_json(job):
    """NumPy's own numbers would not."""
    found = gradients._gradient(job)._asdict()
    del found["levels"]
    assert json.loads(json.dumps(found))["corner"] == [0, 0]
