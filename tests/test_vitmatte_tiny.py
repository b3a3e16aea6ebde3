"""The bundled weights: small, complete, documented, and of use on the bundled photo."""

import numpy as np

from numpy_vitmatte import VitMatteForImageMatting, bundled_checkpoints, matte_with_report
from numpy_vitmatte.cli.demo import bundled_photo

FILES = {"config.json", "preprocessor_config.json", "model.safetensors", "README.md"}


def test_folder_is_small_and_complete():
    folder = bundled_checkpoints()["vitmatte-tiny"]
    assert {path.name for path in folder.iterdir()} >= FILES
    assert sum(path.stat().st_size for path in folder.iterdir()) <= 16_000_000
    assert all(path.stat().st_mode & 0o444 == 0o444 for path in folder.iterdir()), "a file that not everyone may read"


def test_it_is_a_vitmatte_in_every_part():
    backbone = VitMatteForImageMatting.from_pretrained("vitmatte-tiny").config.backbone_config
    windows = set(backbone.window_block_indices)
    assert windows, "no window block"
    assert windows < set(range(backbone.num_hidden_layers)), "no global block"
    assert backbone.use_relative_position_embeddings
    assert set(backbone.residual_block_indices) == set(range(backbone.num_hidden_layers)) - windows


def test_demo_photo():
    """The unknown band is decided, not left gray, and what the network says of known pixels is what they are."""
    result = matte_with_report(*bundled_photo(), raw=True)
    unknown, foreground, background = (result.trimap == value for value in (128, 255, 0))
    decided = (result.alpha[unknown] < 0.1) | (result.alpha[unknown] > 0.9)
    assert decided.mean() > 0.5
    assert 0.2 < result.alpha[unknown].mean() < 0.8
    assert np.abs(result.alpha[foreground] - 1).mean() < 0.02
    assert result.alpha[background].mean() < 0.02
