"""Checkpoints by name without a network: what the cache looks like, and what in it is found by the bare install."""

import shutil
import sys
from pathlib import Path

import pytest
from support.hub_cache import lay_out

from numpy_vitmatte import VitMatteConfig, VitMatteForImageMatting, VitMatteImageProcessor
from numpy_vitmatte.errors import CheckpointError, DownloadError
from numpy_vitmatte.hub.cache import cached_repository, find_cached
from numpy_vitmatte.hub.file_names import CONFIG_FILE, EVERYTHING, WEIGHTS
from numpy_vitmatte.hub.names import check_revision, is_hub_name
from numpy_vitmatte.hub.resolve import checkpoint_directory
from numpy_vitmatte.hub.settings import cache_folder
from numpy_vitmatte.pipeline.verification import check_files

NAME = "tester/lively"
NAMES = ("config.json", "preprocessor_config.json", "model.safetensors")


@pytest.fixture
def cache(hub_environment, tmp_path, monkeypatch):
    """The repository's folder in an empty cache; huggingface_hub cannot be imported."""
    for name in ("huggingface_hub", "huggingface_hub.errors", "huggingface_hub.utils"):
        monkeypatch.setitem(sys.modules, name, None)
    return tmp_path / "hf-home/hub/models--tester--lively"


# When the network is left alone -------------------------------------------------------------------------------------


def test_what_is_cached_needs_no_network(cache, lively_files, monkeypatch):
    snapshot = lay_out(cache, lively_files)
    for offline in ("0", "1"):
        monkeypatch.setenv("HF_HUB_OFFLINE", offline)
        for revision in (None, "main", "c" * 40):
            assert VitMatteForImageMatting.from_pretrained(NAME, revision).directory == snapshot
            VitMatteImageProcessor.from_pretrained(NAME, revision)
            VitMatteConfig.from_pretrained(NAME, revision)
    assert all(check.agrees for check in check_files(snapshot))


def test_paths_and_bundled_names_never_touch_the_network(cache, lively_checkpoint, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(lively_checkpoint, "tester/lively")
    for source in ("vitmatte-tiny", NAME, "./tester/lively", Path(NAME), lively_checkpoint):
        VitMatteForImageMatting.from_pretrained(source)
        VitMatteImageProcessor.from_pretrained(source)
    for source in (Path("tester/other"), "./tester/other", "/tester/other", "vitmatte-huge", "a/b/c", ""):
        with pytest.raises(CheckpointError, match="is neither a bundled checkpoint"):
            checkpoint_directory(source)


@pytest.mark.parametrize("source", ["vitmatte-tiny", "folder"])
def test_a_revision_belongs_to_the_hub(source, cache, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("folder").mkdir()
    for loader in (VitMatteForImageMatting, VitMatteImageProcessor, VitMatteConfig):
        with pytest.raises(CheckpointError, match=r"revision 'v2' makes no sense for .*, which is not from the hub"):
            loader.from_pretrained(source, revision="v2")


def test_blobs_that_are_links_themselves_are_found(cache, tmp_path, lively_files):
    """Newer versions of huggingface_hub share blobs between repositories."""
    snapshot = lay_out(cache, lively_files)
    for blob in list((cache / "blobs").iterdir()):
        blob.rename(tmp_path / blob.name)
        blob.symlink_to(tmp_path / blob.name)
    assert checkpoint_directory(NAME) == snapshot
    assert all(check.agrees for check in check_files(snapshot))


def test_files_without_links_are_found(cache, lively_files):
    """Windows knows no links for most users; the files stand in the snapshot then."""
    snapshot = lay_out(cache, lively_files)
    for pointer in snapshot.iterdir():
        pointer.resolve().replace(pointer)
    assert checkpoint_directory(NAME) == snapshot


@pytest.mark.parametrize("lost", NAMES)
def test_an_incomplete_snapshot_is_none(cache, lively_files, lost):
    lay_out(cache, {name: lively_files[name] for name in NAMES if name != lost})
    assert find_cached(NAME, "main", EVERYTHING) is None
    with pytest.raises(DownloadError, match="downloading needs huggingface_hub"):
        checkpoint_directory(NAME)


@pytest.mark.parametrize("reference", ["", "not a commit", "../../elsewhere", "é"])
def test_a_broken_reference_counts_as_nothing(cache, lively_files, reference):
    lay_out(cache, lively_files)
    (cache / "refs/main").write_text(reference, encoding="latin-1")
    assert find_cached(NAME, "main", EVERYTHING) is None


def test_an_index_that_cannot_be_read_is_left_to_the_reader(cache, lively_files):
    files = {"config.json": lively_files["config.json"], "model.safetensors.index.json": b"{"}
    snapshot = lay_out(cache, files)
    assert find_cached(NAME, "main", (CONFIG_FILE, WEIGHTS)) == snapshot
    with pytest.raises(CheckpointError, match="is not JSON"):
        VitMatteForImageMatting.from_pretrained(NAME)


def test_a_removed_file_takes_its_blob_along_and_nothing_else(cache, lively_files):
    snapshot = lay_out(cache, lively_files)
    cached_repository(NAME).remove(snapshot / "config.json")
    assert sorted(path.name for path in snapshot.iterdir()) == sorted(NAMES[1:])
    assert len(list((cache / "blobs").iterdir())) == 2


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
def test_no_revisions(revision, cache):
    with pytest.raises(DownloadError, match="is none: expected a branch, a tag, a commit, or a pull request"):
        checkpoint_directory(NAME, revision)


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
def test_cache_folder(hub_environment, monkeypatch, environment, folder):
    for name in ("HF_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("WHERE", "there")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert cache_folder() == Path(folder).expanduser()
