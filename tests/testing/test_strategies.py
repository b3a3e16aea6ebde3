"""What the strategies draw is what they say, and reaches every kind of network and trimap."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import find, given, settings
from hypothesis import strategies as st

from numpy_vitmatte.checkpoint.tensor_shapes import parameter_shapes
from numpy_vitmatte.configuration import VitMatteConfig
from numpy_vitmatte.model import VitMatteForImageMatting
from numpy_vitmatte.pipeline.photo_to_alpha import matte
from numpy_vitmatte.testing import assert_float32
from numpy_vitmatte.testing.strategies import (
    checkpoints,
    configurations,
    photos_with_trimaps,
    pixel_values,
    token_grids,
)
from numpy_vitmatte.trimaps.reading import read_trimap

ROOT = Path(__file__).resolve().parents[2]


@given(configurations())
def test_configurations_survive_their_file(config):
    assert VitMatteConfig.from_dict(config.to_dict()) == config


@pytest.mark.parametrize(
    "kind",
    [
        lambda vit: vit.num_hidden_layers == 3 and set(vit.window_block_indices) == {0, 2},
        lambda vit: vit.window_block_indices == () and vit.window_size == 0,
        lambda vit: set(vit.residual_block_indices) == set(range(vit.num_hidden_layers)),
        lambda vit: vit.feature_index == 0,
        lambda vit: 0 < vit.feature_index < vit.num_hidden_layers,
        lambda vit: not vit.use_relative_position_embeddings and not vit.qkv_bias,
        lambda vit: vit.hidden_size % 2 == 1 and vit.patch_size == 8,
        lambda vit: vit.image_size[0] != vit.image_size[1],
    ],
)
def test_configurations_of_every_kind(kind):
    find(configurations(), lambda config: kind(config.backbone_config), settings=settings(max_examples=2000))


@given(st.data())
@settings(max_examples=20)
def test_checkpoints_and_pixels_go_through_the_model(data):
    config, tensors = data.draw(checkpoints())
    assert {name: tensor.shape for name, tensor in tensors.items()} == parameter_shapes(config)
    pixels = data.draw(pixel_values(config))
    assert_float32(pixels, pixels.shape)
    alphas = VitMatteForImageMatting(config, tensors)(pixels).alphas
    assert_float32(alphas, (len(pixels), 1, *pixels.shape[2:]))
    assert ((alphas >= 0) & (alphas <= 1)).all()


@given(checkpoints(configs=st.builds(VitMatteConfig)))
@settings(max_examples=1)
def test_checkpoints_of_a_given_configuration(checkpoint):
    assert checkpoint.config == VitMatteConfig()


@given(token_grids(), token_grids(height=st.just(2), width=st.just(3), channels=st.just(5)))
def test_token_grids(free, fixed):
    assert_float32(free, free.shape)
    assert 1 <= free.shape[0] <= 6
    assert 1 <= free.shape[1] <= 8
    assert 1 <= free.shape[2] <= 37
    assert_float32(fixed, (2, 3, 5))


@given(photo=photos_with_trimaps(max_side=20))
def test_photos_with_trimaps(photo):
    pixels, trimap = photo
    assert (pixels.dtype, pixels.shape) == (np.uint8, (*trimap.shape, 3))
    assert max(trimap.shape) <= 20
    assert set(np.unique(trimap)) <= {0, 128, 255}


def test_trimaps_of_every_kind():
    for levels in ({0}, {128}, {255}, {0, 128}, {0, 255}, {128, 255}, {0, 128, 255}):
        find(
            photos_with_trimaps(),
            lambda photo, levels=levels: set(np.unique(photo[1])) == levels,
            settings=settings(max_examples=2000),
        )


@given(photo=photos_with_trimaps())
@settings(max_examples=10)
@pytest.mark.filterwarnings("ignore:the trimap")
def test_matte_keeps_what_the_trimap_knows(photo, lively_checkpoint):
    pixels, trimap = photo
    alpha = matte(pixels, trimap, lively_checkpoint)
    clean, _ = read_trimap(trimap)
    assert_float32(alpha, trimap.shape)
    np.testing.assert_array_equal(alpha[clean != 128], clean[clean != 128] / 255)


def python(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)


def test_hypothesis_is_imported_only_when_used():
    run = python("import sys, numpy_vitmatte.testing; assert 'hypothesis' not in sys.modules")
    assert run.returncode == 0, run.stderr


def test_without_hypothesis_the_message_says_what_to_install():
    run = python("import sys; sys.modules['hypothesis'] = None; import numpy_vitmatte.testing.strategies")
    assert run.stderr.splitlines()[-1] == (
        "ModuleNotFoundError: numpy_vitmatte.testing.strategies needs Hypothesis; install it with: "
        "python -m pip install hypothesis"
    )
