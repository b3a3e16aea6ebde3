"""Downloads through huggingface_hub: what is fetched, what is checked, and what is said when it goes wrong."""

import errno
import io
import json
import os
import shutil
import socket
import sys

import numpy as np
import pytest
from support.fake_hub import git_sha1, send_damaged, send_whole, sha256
from support.hub_cache import lay_out
from support.torch_files import called, pickled, write, write_tensors

from numpy_vitmatte import VitMatteConfig, VitMatteForImageMatting, VitMatteImageProcessor, matte
from numpy_vitmatte.checkpoint.weights import read_tensors
from numpy_vitmatte.errors import CheckpointError, DownloadError
from numpy_vitmatte.hub.cache import find_cached
from numpy_vitmatte.hub.fetch import fetch
from numpy_vitmatte.hub.file_names import EVERYTHING
from numpy_vitmatte.hub.resolve import checkpoint_directory
from numpy_vitmatte.testing import random_pixels

pytestmark = pytest.mark.extras

NAME = "tester/lively"
WEIGHTS = "model.safetensors"
NAMES = ("config.json", "preprocessor_config.json", WEIGHTS)


@pytest.fixture
def content(lively_files):
    return lively_files[WEIGHTS]


@pytest.fixture
def commit(hub, lively_files):
    """The hub has a checkpoint of this name; gives its commit."""
    return hub.add(NAME, lively_files)


@pytest.fixture
def cache(hub, tmp_path):
    return tmp_path / "hf-home/hub/models--tester--lively"


def refusal(name=NAME, revision=None):
    with pytest.raises(DownloadError) as caught:
        checkpoint_directory(name, revision)
    assert str(caught.value).isprintable()
    return str(caught.value)


def tree(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir())


def assert_nothing_published(cache):
    """No weights, neither whole nor in part, and no revision under which the rest would be found."""
    assert not [path for path in cache.rglob("*") if len(path.name) == 64 or path.name.endswith(".incomplete")]
    assert not (cache / "refs").exists()
    assert find_cached(NAME, "main", EVERYTHING) is None


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


def test_all_files_come_from_one_commit(hub, commit, cache, lively_files):
    """Files under their checksums, links from the commit, the commit under the branch once everything is there."""
    assert fetch(NAME) == cache / "snapshots" / commit
    for name in NAMES:
        checksum = (sha256 if name == WEIGHTS else git_sha1)(lively_files[name])
        pointer = cache / "snapshots" / commit / name
        assert os.readlink(pointer) == f"../../blobs/{checksum}"
        assert pointer.read_bytes() == lively_files[name]
    assert (cache / "refs/main").read_text() == commit
    asked = [path for _, path, _ in hub.requests if "/resolve/" in path]
    assert asked[0] == f"/{NAME}/resolve/main/config.json"
    assert all(f"/resolve/{commit}/" in path for path in asked[1:])


def test_configuration_and_processor_download_no_weights(commit, hub):
    config = VitMatteConfig.from_pretrained(NAME)
    assert config.backbone_config.patch_size == 4
    assert set(hub.asked("GET")) == {"config.json"}
    VitMatteImageProcessor.from_pretrained(NAME)
    assert set(hub.asked("GET")) == {"config.json", "preprocessor_config.json"}
    assert find_cached(NAME, "main", EVERYTHING) is None
    VitMatteForImageMatting.from_pretrained(NAME)
    assert hub.bodies() == [f"/store/{NAME}/{commit}/{WEIGHTS}"]


def test_a_model_without_a_processor(hub, lively_files):
    """The same as of a folder: the defaults, and a warning. What is known to be absent is not asked for again."""
    hub.add(NAME, {name: lively_files[name] for name in NAMES if name != "preprocessor_config.json"})
    with pytest.warns(UserWarning, match=r"preprocessor_config\.json is not there.*'hf'.*'hustvl'"):
        assert VitMatteImageProcessor.from_pretrained(NAME).to_dict() == VitMatteImageProcessor().to_dict()
    VitMatteForImageMatting.from_pretrained(NAME)
    asked = len(hub.requests)
    with pytest.warns(UserWarning, match=r"preprocessor_config\.json is not there"):
        VitMatteImageProcessor.from_pretrained(NAME)
    assert find_cached(NAME, "main", EVERYTHING) is not None
    assert len(hub.requests) == asked


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


@pytest.mark.parametrize("recheck", [False, True])
def test_a_new_commit_is_fetched_when_asked_for_and_brings_only_what_changed(hub, commit, lively_files, recheck):
    old = fetch(NAME)
    new = hub.add(NAME, lively_files | {"config.json": lively_files["config.json"] + b"\n"})
    assert checkpoint_directory(NAME) == old
    assert fetch(NAME, recheck=recheck).name == new
    assert checkpoint_directory(NAME).name == new
    assert len(hub.bodies()) == 1
    assert checkpoint_directory(NAME, commit) == old


@pytest.mark.parametrize("lost", NAMES)
def test_an_incomplete_snapshot_is_completed(hub, cache, commit, lively_files, lost):
    lay_out(cache, {name: lively_files[name] for name in NAMES if name != lost}, commit)
    snapshot = checkpoint_directory(NAME)
    assert (snapshot / lost).read_bytes() == lively_files[lost]
    assert set(hub.asked("GET")) == {lost}


def test_a_broken_reference_is_mended(hub, cache, commit, lively_files):
    lay_out(cache, lively_files, commit)
    (cache / "refs/main").write_text("not a commit")
    assert checkpoint_directory(NAME).name == commit
    assert hub.bodies() == []
    assert (cache / "refs/main").read_text() == commit


def test_what_the_library_fetched_serves_the_bare_install(hub, commit, monkeypatch):
    """Transformers and ``hf download`` fill the cache with the same call; then nothing but this package is needed."""
    import huggingface_hub

    for name in NAMES:
        huggingface_hub.hf_hub_download(NAME, name, endpoint=hub.address, cache_dir=os.environ["HF_HOME"] + "/hub")
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    hub.requests.clear()
    assert VitMatteForImageMatting.from_pretrained(NAME).directory.name == commit
    VitMatteImageProcessor.from_pretrained(NAME)
    assert hub.requests == []


def test_a_file_system_without_links(hub, commit, cache, lively_files, monkeypatch):
    def refuse(*arguments, **keywords):
        raise OSError("no links here")

    monkeypatch.setenv("HF_HUB_CACHE", str(cache.parent / "linkless"))  # the library remembers which folders have links
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_SYMLINKS_WARNING", True)
    monkeypatch.setattr(os, "symlink", refuse)
    snapshot = fetch(NAME)
    assert {path.name: path.read_bytes() for path in snapshot.iterdir()} == lively_files
    assert not any(path.is_symlink() for path in snapshot.iterdir())
    fetch(NAME, recheck=True)
    assert len(hub.bodies()) == 1


# Checksums ----------------------------------------------------------------------------------------------------------


def test_another_checksum_is_refused(hub, commit, content, cache):
    hub.send_body = send_damaged
    found = sha256(content[:-1] + bytes([content[-1] ^ 1]))
    assert refusal() == (
        f"{NAME}/{WEIGHTS} arrived damaged: its sha256 is {found}, expected {sha256(content)}; nothing of it was kept. "
        "Try again; if it stays so, the hub or a proxy is broken"
    )
    assert_nothing_published(cache)
    hub.send_body = send_whole
    assert (fetch(NAME) / WEIGHTS).read_bytes() == content


def test_a_small_file_has_a_checksum_too(hub, commit, cache):
    hub.headers = {"ETag": '"' + "0" * 40 + '"'}
    assert "/config.json arrived damaged: its git sha1 is " in refusal()
    assert not list(cache.rglob("0" * 40))
    assert_nothing_published(cache)


def test_a_damaged_blob_of_another_commit_is_found(hub, commit, cache, content):
    blob = (fetch(NAME) / WEIGHTS).resolve()
    blob.write_bytes(b"rot")
    shutil.rmtree(cache / "snapshots")
    assert f"{WEIGHTS} arrived damaged" in refusal()
    assert (fetch(NAME) / WEIGHTS).read_bytes() == content


def test_a_damaged_file_of_the_cache_is_fetched_anew_on_request(hub, commit, content, caplog):
    weights = fetch(NAME) / WEIGHTS
    weights.write_bytes(b"rot")
    fetch(NAME)
    assert weights.read_bytes() == b"rot"
    fetch(NAME, recheck=True)
    assert weights.read_bytes() == content
    assert f"{WEIGHTS} is damaged and is fetched again" in caplog.messages
    assert len(hub.bodies()) == 2


# Refusals -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("revision", [None, "refs/pr/3"])
def test_without_the_extra(hub_environment, tmp_path, monkeypatch, revision):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    option = " --revision refs/pr/3" if revision else ""
    assert refusal(revision=revision) == (
        f"{NAME!r}, revision {revision or 'main'!r}, is not in the cache {tmp_path / 'hf-home/hub'}, and downloading "
        "needs huggingface_hub: run pip install 'numpy-vitmatte[hub]', or fetch it with 'hf download "
        f"{NAME}{option}'"
    )


def test_an_older_library(hub, commit, monkeypatch):
    monkeypatch.setattr("huggingface_hub.__version__", "1.17.0")
    assert refusal() == (
        f"huggingface_hub 1.17.0 is too old to download {NAME!r}: version 1.18 is needed; run "
        "pip install 'numpy-vitmatte[hub]'"
    )


def test_no_such_repository(hub):
    assert refusal("tester/livly") == (
        f"'tester/livly' is no directory here, and {hub.address} shows no such repository (status 401): check the "
        "name; a private repository needs a token in HF_TOKEN that may read it"
    )


def test_a_private_repository(hub, commit, content, monkeypatch):
    hub.private.add(NAME)
    assert "a private repository needs a token in HF_TOKEN" in refusal()
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    assert "a private repository needs a token in HF_TOKEN that may read it" in refusal()
    monkeypatch.setenv("HF_TOKEN", hub.token)
    assert (fetch(NAME) / WEIGHTS).read_bytes() == content


def test_a_gated_repository(hub, commit):
    hub.gated.add(NAME)
    hub.private.add(NAME)
    assert refusal() == (
        f"{NAME!r} is given only to those who accept its terms: do so at {hub.address}/{NAME}, then put your token "
        "into HF_TOKEN"
    )


def test_no_such_revision(hub, commit):
    assert refusal(revision="refs/pr/9") == f"{NAME!r} has no revision 'refs/pr/9' on {hub.address}"


def test_no_configuration(hub):
    hub.add(NAME, {"README.md": b"data only"})
    assert refusal() == f"{NAME!r} has no file config.json at revision 'main' on {hub.address}"


@pytest.mark.parametrize("gives_reasons", [True, False])
def test_no_weights(hub, lively_files, cache, gives_reasons):
    """Mirrors may refuse without saying why."""
    hub.add(NAME, {name: content for name, content in lively_files.items() if name != WEIGHTS})
    hub.gives_reasons = gives_reasons
    assert refusal() == (
        f"{NAME!r} has no weights at revision 'main': neither model.safetensors, model.safetensors.index.json nor "
        "pytorch_model.bin"
    )
    assert_nothing_published(cache)


def test_a_wicked_index(hub, lively_files):
    files = {name: content for name, content in lively_files.items() if name != WEIGHTS}
    hub.add(NAME, files | {"model.safetensors.index.json": b'{"weight_map": {"a": "../../model.safetensors"}}'})
    with pytest.raises(CheckpointError, match=r"which is no plain name of a \.safetensors file"):
        checkpoint_directory(NAME)
    assert hub.bodies() == []


@pytest.mark.parametrize("headers", [{"X-Repo-Commit": None}, {"X-Repo-Commit": "main"}, {"ETag": '"../../../x"'}])
def test_what_is_no_hub(hub, commit, headers):
    hub.headers = headers
    assert refusal() == (
        f"{hub.address} answers for {NAME}/config.json without a commit or without a checksum, so it is no Hugging "
        "Face hub: check HF_ENDPOINT, and whether a proxy or a login page stands between"
    )


@pytest.mark.parametrize("status", [500, 503, 418])
def test_a_broken_hub(hub, commit, status):
    hub.failures = [status]
    assert refusal() == f"{hub.address} refuses {NAME}/config.json with status {status}; try again later"


def test_no_network(hub, monkeypatch):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        monkeypatch.setenv("HF_ENDPOINT", address + "/")
        message = refusal()
    assert message.startswith(f"{NAME}/config.json cannot be fetched from {address}: ")
    assert message.endswith(
        "refused. Check the network, the proxy (HTTPS_PROXY) and HF_ENDPOINT, or give the path of a checkpoint's "
        "directory"
    )


@pytest.mark.parametrize("address", ["huggingface.co", "file:///etc", "http://["])
def test_an_endpoint_that_makes_no_sense(hub, monkeypatch, address):
    monkeypatch.setenv("HF_ENDPOINT", address)
    assert f"cannot be fetched from {address}: " in refusal()


@pytest.mark.parametrize("variable", ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"])
def test_offline(hub, commit, monkeypatch, tmp_path, variable):
    monkeypatch.setenv(variable, "yes")
    cache = tmp_path / "hf-home/hub"
    assert refusal() == (
        f"HF_HUB_OFFLINE forbids the network, and nothing of it is in the cache {cache} for {NAME!r}, revision 'main': "
        f"unset it, or run 'numpy-vitmatte download {NAME}' where there is a network and copy the cache"
    )
    monkeypatch.setenv(variable, "0")
    (fetch(NAME) / WEIGHTS).unlink()
    monkeypatch.setenv(variable, "1")
    hub.requests.clear()
    assert f"and model.safetensors is not in the cache {cache} for {NAME!r}" in refusal()
    assert hub.requests == []


# The disk -----------------------------------------------------------------------------------------------------------


def test_a_disk_without_room_is_left_alone(hub, commit, content, cache, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10**9, 10**9 - 9000, 9000))
    assert refusal() == (
        f"the disk is full: {WEIGHTS} of {len(content) / 1e6:.1f} MB does not fit into the cache {cache.parent}. Free "
        "some space, or move the cache with HF_HOME"
    )
    assert_nothing_published(cache)
    assert hub.bodies() == []


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_disk_that_fills_up(hub, commit, cache, monkeypatch, number):
    def refuse(*arguments):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("huggingface_hub.file_download._chmod_and_move", refuse)
    assert refusal() == (
        f"the disk is full: config.json does not fit into the cache {cache.parent}. Free some space, or move the "
        "cache with HF_HOME"
    )
    assert_nothing_published(cache)


def test_a_cache_that_cannot_be_written(hub, commit, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("HF_HOME", str(tmp_path / "file"))
    assert refusal() == (
        f"the cache {tmp_path / 'file/hub'} cannot be written: Not a directory; move it to a writable folder with "
        "HF_HOME"
    )


def test_a_reference_that_cannot_be_written(hub, commit, cache):
    (cache / "refs/main").mkdir(parents=True)
    assert refusal() == f"the cache {cache} cannot be written: Is a directory"


# What is said -------------------------------------------------------------------------------------------------------


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize("quiet", [False, True])
def test_progress_bar(hub, commit, monkeypatch, caplog, quiet):
    monkeypatch.setattr(sys, "stderr", Terminal())
    caplog.set_level("ERROR" if quiet else "WARNING", "numpy_vitmatte")
    fetch(NAME)
    assert ("model.safetensors:   0%|" in sys.stderr.getvalue()) == (not quiet)


def test_no_progress_bar_in_a_file(hub, commit, monkeypatch):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    fetch(NAME)
    assert "%" not in sys.stderr.getvalue()


def test_the_terms_are_told_before_weights_arrive(hub, commit, tmp_path, caplog):
    hub.send_body = send_damaged
    refusal()
    megabytes = sum(len(part) for part in hub.files[NAME, commit].values()) / 1e6
    assert caplog.messages == [
        f"downloading {NAME} ({megabytes:.1f} MB) to {tmp_path / 'hf-home/hub'}",
        f"terms: the terms of these weights, and of the data they were trained on, are on their page: "
        f"{hub.address}/{NAME}",
    ]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("hustvl/vitmatte-small-composition-1k", "Adobe's Composition-1k"),
        ("hustvl/vitmatte-base-composition-1k", "Adobe's Composition-1k"),
        ("hustvl/vitmatte-small-distinctions-646", "Distinctions-646, which is handed out for non-commercial use only"),
        ("hustvl/vitmatte-base-distinctions-646", "Distinctions-646, which is handed out for non-commercial use only"),
    ],
)
def test_the_terms_of_the_published_checkpoints(hub, lively_files, caplog, name, data):
    hub.add(name, lively_files)
    fetch(name)
    terms = caplog.messages[1]
    assert terms.startswith(f"terms: the weights' page ({hub.address}/{name}) says Apache-2.0; they were trained on ")
    assert data in terms
    caplog.clear()
    fetch(name)
    assert caplog.messages == []
