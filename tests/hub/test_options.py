"""What a script says of the hub: its token, its cache, whether it may ask at all."""

import shutil

import pytest
from support.hub_cache import lay_out

from numpy_vitmatte import VitMatteConfig, VitMatteForImageMatting, VitMatteImageProcessor
from numpy_vitmatte.errors import CheckpointError, DownloadError
from numpy_vitmatte.hub.options import HubSource, split_options

NAME = "tester/lively"
LOADERS = (VitMatteConfig, VitMatteImageProcessor, VitMatteForImageMatting)


@pytest.mark.parametrize("loader", LOADERS)
def test_another_cache(loader, hub_environment, lively_files, tmp_path, monkeypatch):
    """What lies there is found without the network; the environment's cache is not touched."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    cache = tmp_path / "elsewhere"
    lay_out(cache / "models--tester--lively", lively_files)
    loader.from_pretrained(NAME, cache_dir=cache)
    loader.from_pretrained(NAME, cache_dir=str(cache), local_files_only=True)
    with pytest.raises(DownloadError, match=r"nothing of it is in the cache .*hf-home"):
        loader.from_pretrained(NAME)
    assert not (tmp_path / "hf-home").exists()


@pytest.mark.parametrize("loader", LOADERS)
def test_local_files_only(loader, hub_environment, tmp_path):
    """It fails without a connection being tried: no hub is named, and huggingface_hub need not be there."""
    with pytest.raises(DownloadError, match=r"local_files_only forbids the network.* leave it out") as caught:
        loader.from_pretrained(NAME, local_files_only=True, cache_dir=tmp_path / "none")
    assert str(tmp_path / "none") in str(caught.value)


@pytest.mark.extras
def test_downloaded_into_another_cache(hub, lively_files, tmp_path):
    commit = hub.add(NAME, lively_files)
    cache = tmp_path / "elsewhere"
    model = VitMatteForImageMatting.from_pretrained(NAME, cache_dir=cache)
    assert model.directory == cache / "models--tester--lively/snapshots" / commit
    assert not (tmp_path / "hf-home/hub").exists()
    before = len(hub.requests)
    VitMatteForImageMatting.from_pretrained(NAME, cache_dir=cache)
    assert len(hub.requests) == before


@pytest.mark.extras
@pytest.mark.parametrize("option", ["token", "use_auth_token"])
def test_a_token_reaches_the_hub_and_no_message(hub, lively_files, option):
    hub.add(NAME, lively_files)
    hub.private.add(NAME)
    with pytest.raises(DownloadError, match="private repository needs a token") as caught:
        VitMatteConfig.from_pretrained(NAME, **{option: "hf_wrong"})
    assert "hf_wrong" not in str(caught.value)
    VitMatteConfig.from_pretrained(NAME, **{option: hub.token})
    assert hub.token not in repr(HubSource(token=hub.token))


@pytest.mark.extras
def test_asked_again_when_forced(hub, lively_files):
    """A branch that has moved is followed; without it what the cache has is taken."""
    hub.add(NAME, lively_files)
    first = VitMatteForImageMatting.from_pretrained(NAME).directory
    commit = hub.add(NAME, lively_files | {"README.md": b"new"})
    assert VitMatteForImageMatting.from_pretrained(NAME).directory == first
    assert VitMatteForImageMatting.from_pretrained(NAME, force_download=True).directory.name == commit


def test_folders_inside_a_checkpoint(lively_checkpoint, tmp_path, hub_environment):
    shutil.copytree(lively_checkpoint, tmp_path / "all/one")
    for loader in LOADERS:
        loader.from_pretrained(tmp_path / "all", subfolder="one")
    with pytest.raises(CheckpointError, match="subfolder 'one' makes no sense for 'tester/lively'"):
        VitMatteConfig.from_pretrained(NAME, subfolder="one")


def test_options_are_divided():
    source, others = split_options(
        {"cache_dir": "~/x", "token": None, "use_auth_token": False, "use_fast": True, "note": 1, "dtype": None}, "v1"
    )
    assert (source.revision, source.token, others) == ("v1", False, {"note": 1})
    assert source.cache_folder.is_absolute()
    assert split_options({"token": "hf_a", "use_auth_token": "hf_b"})[0].token == "hf_a"
    assert split_options({}) == (HubSource(), {})
