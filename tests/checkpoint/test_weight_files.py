"""The files of a checkpoint directory: one, shards with an index, or none that is read."""

import json

import pytest
from support.checkpoint_folders import CONFIG, QKV, refusal
from support.safetensors_files import assert_same, write_file

from numpy_vitmatte.checkpoint.weights import read_tensors


@pytest.fixture
def shards(tensors, tmp_path):
    """A directory with the tensors in two files and an index; gives it and the index."""
    weight_map = {name: f"model-0000{1 + place % 2}-of-00002.safetensors" for place, name in enumerate(tensors)}
    for shard in set(weight_map.values()):
        write_file(tmp_path / shard, {name: tensors[name] for name in tensors if weight_map[name] == shard})
    index = {"metadata": {"total_size": 1}, "weight_map": weight_map}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    return tmp_path, index


def test_shards(shards, tensors):
    assert_same(read_tensors(shards[0], CONFIG), tensors)


def test_missing_shard(shards):
    directory, _ = shards
    (directory / "model-00002-of-00002.safetensors").unlink()
    assert "model-00002-of-00002.safetensors is missing, though model.safetensors.index.json names it" in refusal(
        directory
    )


def test_shard_against_its_index(shards):
    directory, index = shards
    index["weight_map"][QKV] = "model-00001-of-00002.safetensors"
    (directory / "model.safetensors.index.json").write_text(json.dumps(index))
    assert f"does not hold tensor '{QKV}'" in refusal(directory) or f"holds tensor '{QKV}'" in refusal(directory)


BAD_INDEXES = [
    (b"{", "is not JSON: Expecting property name"),
    (b"[]", "must hold a JSON object, found a list"),
    (b'{"weight_map": 3}', "must hold a JSON object with tensor -> file names under 'weight_map'"),
    (b'{"weight_map": {"x": ' + b"9" * 5000 + b"}}", "an integer of 5000 digits; expected at most 20"),
    (b'{"weight_map": ' + b"[" * 500 + b"]" * 500 + b"}", "is nested too deeply"),
    (b"{}", "must hold a JSON object with tensor -> file names"),
    (b'{"weight_map": ["x"]}', "must hold a JSON object with tensor -> file names"),
    (b'{"weight_map": {"x": ["y"]}}', "names the shard ['y'], which is no plain name of"),
    (b'{"weight_map": {"x": 3}}', "names the shard 3, which is no plain name of"),
    (
        b'{"weight_map": {"x": "../model.safetensors"}}',
        "names the shard '../model.safetensors', which is no plain name",
    ),
    (b'{"weight_map": {"x": "/etc/passwd"}}', "names the shard '/etc/passwd', which is no plain name of"),
    (b'{"weight_map": {"x": "..\\\\a"}}', "which is no plain name of"),
    (b'{"weight_map": {"x": ".."}}', "which is no plain name of"),
    (b'{"weight_map": {"x": "a.safetensors/../b"}}', "which is no plain name of"),
    (b'{"weight_map": {"x": ""}}', "which is no plain name of"),
]


@pytest.mark.parametrize(("content", "message"), BAD_INDEXES)
def test_bad_index(content, message, tmp_path):
    (tmp_path / "model.safetensors.index.json").write_bytes(content)
    assert message in refusal(tmp_path)


def test_no_weights(tmp_path):
    assert "holds no weights: neither model.safetensors nor model.safetensors.index.json" in refusal(tmp_path)


def test_a_pickle_of_another_name_is_not_read(tmp_path):
    (tmp_path / "vitmatte.pth").write_bytes(b"\x80\x02")
    message = refusal(tmp_path)
    assert "holds no model.safetensors, only vitmatte.pth: convert that once, with numpy-vitmatte convert" in message


def test_a_damaged_pytorch_model_bin(tmp_path):
    (tmp_path / "pytorch_model.bin").write_bytes(b"\x80\x02")
    assert "is a pickle of before PyTorch 1.6, which is not read here" in refusal(tmp_path)


@pytest.mark.parametrize(
    ("content", "hint"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 103294572\n", "a Git LFS pointer in place"),
        (b"<!DOCTYPE html><html>", "a web page: download the file itself"),
    ],
)
def test_what_is_found_under_the_name_of_a_pytorch_model_bin(content, hint, tmp_path):
    (tmp_path / "pytorch_model.bin").write_bytes(content)
    assert f"pytorch_model.bin is no file of torch.save. It is {hint}" in refusal(tmp_path)
