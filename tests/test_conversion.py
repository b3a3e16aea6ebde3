"""Conversion of the authors' checkpoints: names, configuration, and the same alphas to the bit."""

import numpy as np
import pytest
from torch_files import called, pickled, write, write_tensors

from numpy_vitmatte import CheckpointError, VitMatteConfig, VitMatteForImageMatting, VitMatteImageProcessor
from numpy_vitmatte.checkpoint.authors_names import configuration_of, hugging_face_names
from numpy_vitmatte.checkpoint.parameters import parameter_shapes
from numpy_vitmatte.checkpoint.safetensors_reader import StoredTensor
from numpy_vitmatte.cli import main
from numpy_vitmatte.conversion import convert
from numpy_vitmatte.testing import random_checkpoint, random_pixels, tiny_config

CONFIG = tiny_config()

TO_AUTHORS = (
    ("backbone.embeddings.position_embeddings", "backbone.pos_embed"),
    ("backbone.embeddings.projection", "backbone.patch_embed.proj"),
    ("backbone.encoder.layer.", "backbone.blocks."),
    (".attention.", ".attn."),
    ("decoder.fusion_blocks.", "decoder.fusion_blks."),
    (".batch_norm.", ".bn."),
)


def under_the_authors_names(tensors):
    """As detectron2 saves the network: the table of ``convert_vitmatte_to_hf.py`` read backwards."""
    renamed = {}
    for name, tensor in tensors.items():
        for ours, theirs in TO_AUTHORS:
            name = name.replace(ours, theirs)
        renamed[name] = tensor
    return renamed | {"pixel_mean": np.zeros((3, 1, 1), np.float32)}


@pytest.fixture(scope="module")
def tensors():
    return random_checkpoint(CONFIG, seed=6)


def test_names_go_there_and_back(tensors):
    stored = {name: StoredTensor("F32", t.shape, np.empty(0)) for name, t in under_the_authors_names(tensors).items()}
    assert "backbone.blocks.0.attn.qkv.weight" in stored
    assert "decoder.fusion_blks.0.conv.bn.weight" in stored
    assert list(hugging_face_names(stored)) == list(tensors)


def test_configuration_of_the_published_sizes():
    """S and B, from shapes alone."""
    small = VitMatteConfig().to_dict()
    backbone = small["backbone_config"] | {"hidden_size": 768, "num_attention_heads": 12}
    wide = VitMatteConfig.from_dict(small | {"hidden_size": 768, "backbone_config": backbone})
    for config in (VitMatteConfig(), wide):
        shapes = parameter_shapes(config)
        found = configuration_of({name: StoredTensor("F32", shape, np.empty(0)) for name, shape in shapes.items()})
        assert parameter_shapes(found) == shapes
        assert found.backbone_config.num_attention_heads == config.backbone_config.num_attention_heads
        assert found.backbone_config.window_block_indices == config.backbone_config.window_block_indices
        assert found.backbone_config.window_size == 14


@pytest.mark.parametrize("wrapped", [True, False])
def test_alphas_are_the_same_to_the_bit(tmp_path, tensors, wrapped):
    wrap = (lambda described: {"model": described}) if wrapped else (lambda described: described)
    write_tensors(tmp_path / "authors.pth", under_the_authors_names(tensors), wrap)
    convert(tmp_path / "authors.pth", tmp_path / "out")
    pixels = random_pixels(1, 4, 64, 96, seed=0)
    converted = VitMatteForImageMatting.from_pretrained(tmp_path / "out")
    expected = VitMatteForImageMatting(CONFIG, tensors)(pixels).alphas
    np.testing.assert_array_equal(converted(pixels).alphas, expected)
    assert VitMatteImageProcessor.from_pretrained(tmp_path / "out").image_mean == (0.5, 0.5, 0.5)


def test_a_directory_with_a_pytorch_model_bin_loads(tmp_path, tensors):
    """Without safetensors beside it, through the same reader."""
    CONFIG.save_pretrained(tmp_path)
    write_tensors(tmp_path / "pytorch_model.bin", tensors)
    pixels = random_pixels(1, 4, 64, 64, seed=1)
    expected = VitMatteForImageMatting(CONFIG, tensors)(pixels).alphas
    np.testing.assert_array_equal(VitMatteForImageMatting.from_pretrained(tmp_path)(pixels).alphas, expected)


def test_command(tmp_path, tensors, capsys, monkeypatch):
    """The path goes to stdout; an existing directory is kept without --force."""
    monkeypatch.chdir(tmp_path)
    write_tensors("authors.pth", under_the_authors_names(tensors))
    assert main(["convert", "authors.pth", "out"]) == 0
    assert capsys.readouterr().out == "out\n"
    assert main(["convert", "authors.pth", "out"]) == 2
    assert "exists already" in capsys.readouterr().err
    assert main(["convert", "authors.pth", "out", "--force"]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["authors.pth", "out"]


def test_a_malicious_file_leaves_nothing(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write("bad.pth", pickled({"a": called("os", "system", "touch harm")}), {})
    assert main(["convert", "bad.pth", "out"]) == 2
    message = capsys.readouterr().err
    assert "its pickle asks for os.system" in message
    assert message.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["bad.pth"]


def test_files_of_other_networks(tmp_path, tensors):
    write_tensors(tmp_path / "x.pth", {"weight": np.ones((3, 3), np.float32)})
    with pytest.raises(CheckpointError, match="not those of a ViTMatte"):
        convert(tmp_path / "x.pth", tmp_path / "out")
    short = under_the_authors_names(tensors)
    del short["decoder.matting_head.matting_convs.3.bias"]
    write_tensors(tmp_path / "x.pth", short)
    with pytest.raises(CheckpointError, match=r"lacks 1 tensors of its network, such as 'decoder\.matting_head"):
        convert(tmp_path / "x.pth", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parity
def test_what_torch_saves_under_the_authors_names(tmp_path, tensors):
    """A state dict with batch counters, as a trainer writes it, against transformers' own network."""
    torch = pytest.importorskip("torch", reason="compares with transformers, of the [parity] extra")
    pytest.importorskip("transformers", reason="compares with transformers, of the [parity] extra")
    from transformers_models import outputs, transformers_model

    model = transformers_model(CONFIG, tensors)
    state = under_the_authors_names(model.state_dict())
    state["pixel_mean"] = torch.zeros(3, 1, 1)
    torch.save(state, tmp_path / "authors.pth")
    convert(tmp_path / "authors.pth", tmp_path / "out")
    pixels = random_pixels(1, 4, 64, 96, seed=2)
    converted = VitMatteForImageMatting.from_pretrained(tmp_path / "out")(pixels).alphas
    np.testing.assert_array_equal(converted, VitMatteForImageMatting(CONFIG, tensors)(pixels).alphas)
    np.testing.assert_allclose(converted, outputs(model, pixels)[0], rtol=0, atol=2e-5)
