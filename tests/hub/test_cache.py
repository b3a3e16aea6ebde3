"""Checkpoints by name: what is downloaded, what the cache looks like, and when the network is left alone."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from support.fake_hub import git_sha1, sha256
from support.torch_files import called, pickled, write, write_tensors

from numpy_vitmatte import VitMatteConfig, VitMatteForImageMatting, VitMatteImageProcessor, matte
from numpy_vitmatte.checkpoint.weights import read_tensors
from numpy_vitmatte.errors import CheckpointError, DownloadError
from numpy_vitmatte.hub.cache import find_cached
from numpy_vitmatte.hub.fetch import fetch
from numpy_vitmatte.hub.file_names import CONFIG_FILE, EVERYTHING, WEIGHTS
from numpy_vitmatte.hub.names import check_revision, is_hub_name
from numpy_vitmatte.hub.resolve import checkpoint_directory
from numpy_vitmatte.hub.settings import cache_folder
from numpy_vitmatte.testing import random_pixels

NAME = "tester/lively"
NAMES = ("config.json", "preprocessor_config.json", "model.safetensors")


@pytest.fixture
def commit(hub, lively_files):
    """The hub has a checkpoint of this name; gives its commit."""
    return hub.add(NAME, lively_files)


@pytest.fixture
def cache(hub, tmp_path):
    return tmp_path / "hf-home/hub/models--tester--lively"


def tree(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir())


def lay_out(cache, files, commit="c" * 40, revision="main"):
    """Fill a cache as huggingface_hub does, by hand."""
    snapshot = cache / "snapshots" / commit
    for folder in (cache / "blobs", cache / "refs", snapshot):
        folder.mkdir(parents=True)
    (cache / "refs" / revision).write_text(commit)
    for name, content in files.items():
        checksum = sha256(content) if name.endswith((".safetensors", ".bin")) else git_sha1(content)
        (cache / "blobs" / checksum).write_bytes(content)
        (snapshot / name).symlink_to(f"../../blobs/{checksum}")
    return snapshot


# What is downloaded -------------------------------------------------------------------------------------------------


def test_model_and_processor_by_name(commit, cache, lively_checkpoint):
    model = VitMatteForImageMatting.from_pretrained(NAME)
    pixels = random_pixels(1, 4, 32, 48)
    expected = VitMatteForImageMatting.from_pretrained(lively_checkpoint)(pixels).alphas
    np.testing.assert_array_equal(model(pixels).alphas, expected)
    assert model.directory == cache / "snapshots" / commit
    processor = VitMatteImageProcessor.from_pretrained(NAME)
    assert processor.to_dict() == VitMatteImageProcessor.from_pretrained(lively_checkpoint).to_dict()


def test_matte_by_name(commit, lively_checkpoint):
    photo = np.random.default_rng(1).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    trimap = np.repeat(np.array([0, 128, 255, 128], np.uint8), 8)[None].repeat(32, axis=0)
    np.testing.assert_array_equal(matte(photo, trimap, NAME), matte(photo, trimap, lively_checkpoint))


def test_cache_layout(commit, cache, lively_files):
    """Files under their checksums, links from the commit, the commit under the branch: as huggingface_hub has it."""
    assert fetch(NAME) == cache / "snapshots" / commit
    checksums = {name: (sha256 if name == "model.safetensors" else git_sha1)(lively_files[name]) for name in NAMES}
    assert tree(cache) == sorted(
        ["refs/main"] + [f"blobs/{sum}" for sum in checksums.values()] + [f"snapshots/{commit}/{n}" for n in NAMES]
    )
    assert (cache / "refs/main").read_text() == commit
    for name, checksum in checksums.items():
        pointer = cache / "snapshots" / commit / name
        assert os.readlink(pointer) == f"../../blobs/{checksum}"
        assert pointer.read_bytes() == lively_files[name]


def test_configuration_and_processor_download_no_weights(commit, hub):
    config = VitMatteConfig.from_pretrained(NAME)
    assert config.backbone_config.patch_size == 4
    assert set(hub.asked("GET")) == {"config.json"}
    VitMatteImageProcessor.from_pretrained(NAME)
    assert set(hub.asked("GET")) == {"config.json", "preprocessor_config.json"}
    assert find_cached(NAME, "main", EVERYTHING) is None
    VitMatteForImageMatting.from_pretrained(NAME)
    assert hub.bodies() == [(f"/store/{NAME}/{commit}/model.safetensors", None)]
    # A redirect within the hub is one more request; each file was still fetched once.
    assert hub.asked("GET") == {"config.json": 2, "preprocessor_config.json": 2, "model.safetensors": 2}


def test_a_model_without_a_processor(hub, lively_files):
    hub.add(NAME, {name: lively_files[name] for name in NAMES if name != "preprocessor_config.json"})
    VitMatteForImageMatting.from_pretrained(NAME)
    with pytest.raises(DownloadError, match=r"has no file preprocessor_config\.json at revision 'main'"):
        VitMatteImageProcessor.from_pretrained(NAME)


def test_weights_in_shards(hub, lively_files):
    index = {"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}}
    files = {name: lively_files[name] for name in NAMES[:2]}
    files |= {"model-00001-of-00002.safetensors": b"first", "model-00002-of-00002.safetensors": b"second"}
    files["model.safetensors.index.json"] = json.dumps(index).encode()
    hub.add(NAME, files)
    snapshot = fetch(NAME)
    assert {path.name: path.read_bytes() for path in snapshot.iterdir()} == files
    (snapshot / "model-00002-of-00002.safetensors").unlink()
    assert find_cached(NAME, "main", EVERYTHING) is None


def test_pickle_on_main_and_safetensors_in_a_pull_request(hub, cache, lively_files):
    small = {name: lively_files[name] for name in NAMES[:2]}
    hub.add(NAME, small | {"pytorch_model.bin": b"a pickle"})
    commit = hub.add(NAME, lively_files, revision="refs/pr/3")
    assert (fetch(NAME) / "pytorch_model.bin").read_bytes() == b"a pickle"
    model = VitMatteForImageMatting.from_pretrained(NAME, revision="refs/pr/3")
    assert model.directory == cache / "snapshots" / commit
    assert (cache / "refs/refs/pr/3").read_text() == commit
    VitMatteImageProcessor.from_pretrained(NAME, revision="refs/pr/3")
    assert VitMatteConfig.from_pretrained(NAME, revision=commit) == model.config


def test_a_network_whose_weights_are_a_pickle(hub, lively_checkpoint, lively_files, tmp_path):
    """Downloaded, and read without PyTorch; a pickle that does more is refused, downloaded or not."""
    small = {name: lively_files[name] for name in NAMES[:2]}
    expected = VitMatteForImageMatting.from_pretrained(lively_checkpoint)
    write_tensors(tmp_path / "x.bin", read_tensors(lively_checkpoint, expected.config))
    hub.add(NAME, small | {"pytorch_model.bin": (tmp_path / "x.bin").read_bytes()})
    pixels = random_pixels(1, 4, 64, 64, seed=4)
    model = VitMatteForImageMatting.from_pretrained(NAME)
    np.testing.assert_array_equal(model(pixels).alphas, expected(pixels).alphas)
    write(tmp_path / "y.bin", pickled({"a": called("os", "system", f"touch {tmp_path / 'harm'}")}), {})
    hub.add("tester/harmful", small | {"pytorch_model.bin": (tmp_path / "y.bin").read_bytes()})
    with pytest.raises(CheckpointError, match=r"pytorch_model\.bin: its pickle asks for os\.system, which builds no"):
        VitMatteForImageMatting.from_pretrained("tester/harmful")
    assert not (tmp_path / "harm").exists()


def test_safetensors_are_taken_where_there_are_both(hub, lively_files):
    hub.add(NAME, lively_files | {"pytorch_model.bin": b"a pickle"})
    assert sorted(path.name for path in fetch(NAME).iterdir()) == sorted(NAMES)


def test_a_new_commit_is_fetched_when_asked_for_and_brings_only_what_changed(hub, commit, lively_files):
    old = fetch(NAME)
    new = hub.add(NAME, lively_files | {"config.json": lively_files["config.json"] + b"\n"})
    assert checkpoint_directory(NAME) == old
    assert fetch(NAME).name == new
    assert checkpoint_directory(NAME).name == new
    assert len(hub.bodies()) == 1
    assert checkpoint_directory(NAME, commit) == old


# When the network is left alone -------------------------------------------------------------------------------------


def test_what_is_cached_needs_no_network(hub, commit, monkeypatch):
    VitMatteForImageMatting.from_pretrained(NAME)
    hub.requests.clear()
    for revision in (None, "main", commit):
        VitMatteForImageMatting.from_pretrained(NAME, revision)
        VitMatteImageProcessor.from_pretrained(NAME, revision)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    VitMatteForImageMatting.from_pretrained(NAME)
    assert hub.requests == []


def test_paths_and_bundled_names_never_touch_the_network(hub, lively_checkpoint, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(lively_checkpoint, "tester/lively")
    for source in ("vitmatte-tiny", NAME, "./tester/lively", Path(NAME), lively_checkpoint):
        VitMatteForImageMatting.from_pretrained(source)
        VitMatteImageProcessor.from_pretrained(source)
    for source in (Path("tester/other"), "./tester/other", "/tester/other", "vitmatte-huge", "a/b/c", ""):
        with pytest.raises(CheckpointError, match="is neither a bundled checkpoint"):
            checkpoint_directory(source)
    assert hub.requests == []


@pytest.mark.parametrize("source", ["vitmatte-tiny", "folder"])
def test_a_revision_belongs_to_the_hub(source, hub, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("folder").mkdir()
    for loader in (VitMatteForImageMatting, VitMatteImageProcessor, VitMatteConfig):
        with pytest.raises(CheckpointError, match=r"revision 'main' makes no sense for .*, which is not from the hub"):
            loader.from_pretrained(source, revision="main")


def test_files_of_huggingface_hub_are_found(hub, cache, lively_files):
    snapshot = lay_out(cache, lively_files)
    assert checkpoint_directory(NAME) == snapshot
    VitMatteForImageMatting.from_pretrained(NAME)
    assert hub.requests == []


def test_blobs_that_are_links_themselves_are_found(hub, cache, tmp_path, lively_files):
    """Newer versions of huggingface_hub share blobs between repositories."""
    snapshot = lay_out(cache, lively_files)
    for blob in list((cache / "blobs").iterdir()):
        blob.rename(tmp_path / blob.name)
        blob.symlink_to(tmp_path / blob.name)
    hub.add(NAME, lively_files)
    assert checkpoint_directory(NAME) == snapshot
    fetch(NAME, recheck=True)
    assert hub.bodies() == []


def test_files_without_links_are_found(hub, cache, commit, lively_files):
    """Windows knows no links for most users; the files stand in the snapshot then."""
    snapshot = lay_out(cache, lively_files, commit)
    for pointer in snapshot.iterdir():
        pointer.resolve().replace(pointer)
    assert checkpoint_directory(NAME) == snapshot
    fetch(NAME, recheck=True)
    assert hub.bodies() == []


def test_a_file_system_without_links(hub, commit, cache, lively_files, monkeypatch):
    def refuse(*arguments, **keywords):
        raise OSError("no links here")

    monkeypatch.setattr(os, "symlink", refuse)
    snapshot = fetch(NAME)
    assert {path.name: path.read_bytes() for path in snapshot.iterdir()} == lively_files
    assert not any(path.is_symlink() for path in snapshot.iterdir())
    fetch(NAME)
    assert len(hub.bodies()) == 1


@pytest.mark.parametrize("lost", NAMES)
def test_an_incomplete_snapshot_is_completed(hub, cache, commit, lively_files, lost):
    lay_out(cache, {name: lively_files[name] for name in NAMES if name != lost}, commit)
    assert find_cached(NAME, "main", EVERYTHING) is None
    snapshot = checkpoint_directory(NAME)
    assert (snapshot / lost).read_bytes() == lively_files[lost]
    assert set(hub.asked("GET")) == {lost}


@pytest.mark.parametrize("reference", ["", "not a commit", "../../elsewhere", "é"])
def test_a_broken_reference_counts_as_nothing(hub, cache, commit, lively_files, reference):
    lay_out(cache, lively_files, commit)
    (cache / "refs/main").write_text(reference, encoding="latin-1")
    assert find_cached(NAME, "main", EVERYTHING) is None
    assert checkpoint_directory(NAME).name == commit
    assert hub.bodies() == []
    assert (cache / "refs/main").read_text() == commit


def test_an_index_that_cannot_be_read_is_left_to_the_reader(hub, cache, lively_files):
    files = {"config.json": lively_files["config.json"], "model.safetensors.index.json": b"{"}
    snapshot = lay_out(cache, files)
    assert find_cached(NAME, "main", (CONFIG_FILE, WEIGHTS)) == snapshot
    with pytest.raises(CheckpointError, match="cannot be read as JSON"):
        VitMatteForImageMatting.from_pretrained(NAME)


# Names, revisions, folders ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["hustvl/vitmatte-small-composition-1k", "a/b", "A_b.c-1/d_", "0/1"])
def test_names(name):
    assert is_hub_name(name)


@pytest.mark.parametrize(
    "name",
    ["a", "a/", "/a", "a/b/c", "./a", "../a", "~/a", "a/.b", "a/b.", "a/b..c", "a--b/c", "a b/c", "a\\b", "é/a", "",
     "a/" + "b" * 95, "a/b\n", "C:/a"],
)  # fmt: skip
def test_no_names(name):
    assert not is_hub_name(name)


@pytest.mark.parametrize("revision", ["main", "refs/pr/3", "v1.0", "a" * 40])
def test_revisions(revision):
    assert check_revision(revision) == revision


@pytest.mark.parametrize("revision", ["", "/main", "a//b", "../main", "a/../b", "a b", "a\\b", "main/", 3])
def test_no_revisions(revision, hub):
    with pytest.raises(DownloadError, match="is none: expected a branch, a tag, a commit, or a pull request"):
        checkpoint_directory(NAME, revision)
    assert hub.requests == []


@pytest.mark.parametrize(
    ("environment", "folder"),
    [
        ({}, "~/.cache/huggingface/hub"),
        ({"XDG_CACHE_HOME": "/x"}, "/x/huggingface/hub"),
        ({"HF_HOME": "/h", "XDG_CACHE_HOME": "/x"}, "/h/hub"),
        ({"HF_HOME": "~/$WHERE"}, "~/there/hub"),
        ({"HUGGINGFACE_HUB_CACHE": "/o", "HF_HOME": "/h"}, "/o"),
        ({"HF_HUB_CACHE": "/c", "HUGGINGFACE_HUB_CACHE": "/o", "HF_HOME": "/h"}, "/c"),
    ],
)
def test_cache_folder(hub, monkeypatch, environment, folder):
    for name in ("HF_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("WHERE", "there")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert cache_folder() == Path(folder).expanduser()
