"""Downloads that go wrong: cut, killed, rotten, refused, without a network or a disk, and many at once."""

import errno
import io
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.request import Request

import pytest
from support.fake_hub import sha256
from support.processes import run_python
from tqdm import tqdm

from numpy_vitmatte.errors import CheckpointError, DownloadError
from numpy_vitmatte.hub import lock as hub_lock
from numpy_vitmatte.hub.fetch import fetch
from numpy_vitmatte.hub.lock import exclusive_lock
from numpy_vitmatte.hub.requests import _Redirects
from numpy_vitmatte.hub.resolve import checkpoint_directory

NAME = "tester/lively"
WEIGHTS = "model.safetensors"


@pytest.fixture
def content(lively_files):
    """Weights in more than one chunk of reading."""
    return lively_files[WEIGHTS] + bytes(range(256)) * 4000


@pytest.fixture
def commit(hub, lively_files, content):
    return hub.add(NAME, lively_files | {WEIGHTS: content})


@pytest.fixture
def blobs(hub, tmp_path):
    return tmp_path / "hf-home/hub/models--tester--lively/blobs"


def ranges(hub):
    return [asked for _, asked in hub.bodies()]


def refusal(name=NAME, revision=None):
    with pytest.raises(DownloadError) as caught:
        checkpoint_directory(name, revision)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def wait_until(condition):
    """Wait for another process, but not for ever."""
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def assert_nothing_published(blobs, *kept):
    """No file under a final name, no snapshot, no reference."""
    names = [path.name for path in blobs.iterdir()] if blobs.exists() else []
    assert sorted(name for name in names if len(name) != 40) == sorted(kept)
    assert not (blobs.parent / "snapshots").exists()
    assert not (blobs.parent / "refs").exists()


# Broken connections -------------------------------------------------------------------------------------------------


def test_cut_connections_are_taken_up_where_they_broke(hub, commit, content):
    hub.cuts = [1000, 0, 300_000, 1]
    assert (fetch(NAME) / WEIGHTS).read_bytes() == content
    assert ranges(hub) == [None, "bytes=1000-", "bytes=1000-", "bytes=301000-", "bytes=301001-"]


def test_a_store_that_knows_no_ranges(hub, commit, content):
    hub.cuts = [1000]
    hub.ignores_range = True
    assert (fetch(NAME) / WEIGHTS).read_bytes() == content
    assert ranges(hub) == [None, "bytes=1000-"]


def test_a_connection_that_keeps_breaking(hub, commit, content, blobs):
    hub.cuts = [5000] + [0] * 4
    assert refusal() == (
        f"the download of {NAME}/{WEIGHTS} broke off after 5000 of {len(content)} bytes: the connection was closed. "
        "What arrived is kept: try again to continue"
    )
    assert_nothing_published(blobs, f"{sha256(content)}.incomplete")
    assert (fetch(NAME) / WEIGHTS).read_bytes() == content
    assert ranges(hub)[-1] == "bytes=5000-"


def test_a_killed_download_is_continued(hub, commit, content, blobs):
    hub.hold_after = 400_000
    command = [sys.executable, "-c", f"from numpy_vitmatte.hub.fetch import fetch; fetch({NAME!r})"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        assert hub.held.wait(60)
        partial = blobs / f"{sha256(content)}.incomplete"
        wait_until(lambda: partial.exists() and partial.stat().st_size >= 200_000)  # it is on its way to the file
        os.kill(process.pid, signal.SIGKILL)
    hub.go_on.set()
    assert_nothing_published(blobs, partial.name)
    arrived = partial.stat().st_size
    assert (fetch(NAME) / WEIGHTS).read_bytes() == content
    assert ranges(hub) == [None, f"bytes={arrived}-"]
    assert not partial.exists()


def test_a_busy_hub_is_asked_again(hub, commit, content):
    hub.failures = [503, 429, 0, 0, 502]
    assert (fetch(NAME) / WEIGHTS).read_bytes() == content
    assert hub.failures == []


def test_an_unending_file(hub, commit, content, blobs):
    """More bytes than there should be never become a checkpoint, nor an endless loop."""
    blobs.mkdir(parents=True)
    (blobs / f"{sha256(content)}.incomplete").write_bytes(content + b"more")
    assert (fetch(NAME) / WEIGHTS).read_bytes() == content
    assert ranges(hub) == [None]


# Checksums ----------------------------------------------------------------------------------------------------------


def test_another_checksum_is_refused(hub, commit, content, blobs):
    hub.rotten = True
    found = sha256(content[:-1] + bytes([content[-1] ^ 1]))
    assert refusal() == (
        f"{NAME}/{WEIGHTS} arrived damaged: its sha256 is {found}, expected {sha256(content)}; nothing of it was kept. "
        "Try again; if it stays so, the hub or a proxy is broken"
    )
    assert_nothing_published(blobs)
    hub.rotten = False
    assert (fetch(NAME) / WEIGHTS).read_bytes() == content


def test_a_small_file_has_a_checksum_too(hub, lively_files, blobs, monkeypatch):
    hub.add(NAME, lively_files)
    monkeypatch.setattr("fake_hub.git_sha1", lambda content: "0" * 40)
    assert "/config.json arrived damaged: its git sha1 is " in refusal()
    assert_nothing_published(blobs)


def test_a_damaged_leftover_is_fetched_anew(hub, commit, content, blobs, caplog):
    blobs.mkdir(parents=True)
    (blobs / f"{sha256(content)}.incomplete").write_bytes(b"rot")
    assert (fetch(NAME) / WEIGHTS).read_bytes() == content
    assert ranges(hub) == ["bytes=3-", None]
    assert f"{WEIGHTS}: what an earlier download left is damaged; starting anew" in caplog.messages


def test_a_damaged_file_of_the_cache_is_fetched_anew_on_request(hub, commit, content, caplog):
    weights = fetch(NAME) / WEIGHTS
    weights.write_bytes(b"rot")
    fetch(NAME)
    assert weights.read_bytes() == b"rot"
    fetch(NAME, recheck=True)
    assert weights.read_bytes() == content
    assert f"{WEIGHTS} is damaged and is fetched again" in caplog.messages
    assert len(hub.bodies()) == 2


# Several at once ----------------------------------------------------------------------------------------------------


def test_two_processes_at_once_download_each_file_once(hub, commit, content):
    hub.hold_after = 1000
    code = f"from numpy_vitmatte.hub.fetch import fetch; print(fetch({NAME!r}))"
    with ThreadPoolExecutor(2) as pool:
        runs = [pool.submit(run_python, "-c", code) for _ in range(2)]
        assert hub.held.wait(60)
        wait_until(lambda: hub.asked("HEAD")[WEIGHTS] == 2)  # the second process, too, knows what it wants
        hub.go_on.set()
        snapshots = {run.result().strip() for run in runs}
    assert len(snapshots) == 1
    assert len(hub.bodies()) == 1
    with open(os.path.join(snapshots.pop(), WEIGHTS), "rb") as file:
        assert file.read() == content


@pytest.mark.parametrize("lock", ["missing", "unsupported"])
def test_without_locks_each_process_writes_to_a_file_of_its_own(hub, commit, content, blobs, monkeypatch, lock):
    if lock == "missing":
        monkeypatch.setattr(hub_lock, "fcntl", None)
    else:
        monkeypatch.setattr(
            hub_lock.fcntl, "flock", lambda *_: (_ for _ in ()).throw(OSError(errno.ENOLCK, "no locks"))
        )
    hub.cuts = [5000] + [0] * 4
    refusal()
    assert_nothing_published(blobs)
    with ThreadPoolExecutor(4) as pool:
        for snapshot in pool.map(fetch, [NAME] * 4):
            assert (snapshot / WEIGHTS).read_bytes() == content
    assert len(list(blobs.iterdir())) == 3


def test_the_lock_keeps_others_out_and_ends_with_its_holder(tmp_path):
    path = tmp_path / "folder/lock"
    code = f"""
import sys; from pathlib import Path; from numpy_vitmatte.hub.lock import exclusive_lock
with exclusive_lock(Path({str(path)!r})) as held: print(held, flush=True); sys.stdin.read()
"""
    killed = threading.Event()
    holder = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with holder, ThreadPoolExecutor(1) as pool:
        assert holder.stdout.readline() == b"True\n"

        def wait():
            with exclusive_lock(path) as held:
                return held, killed.is_set()

        waiting = pool.submit(wait)
        killed.set()
        holder.kill()
        assert waiting.result(60) == (True, True)


# Token, proxy, redirects --------------------------------------------------------------------------------------------


def test_the_token_goes_to_the_hub_and_never_to_the_store(hub, commit, content, monkeypatch):
    hub.private.add(NAME)
    monkeypatch.setenv("HF_TOKEN", hub.token + "\n")
    assert (fetch(NAME) / WEIGHTS).read_bytes() == content
    for _, path, headers in hub.requests:
        assert headers.get("Authorization") == (None if path.startswith("/store/") else f"Bearer {hub.token}"), path


@pytest.mark.parametrize(
    ("environment", "file"),
    [
        ({"HUGGING_FACE_HUB_TOKEN": "hf_secret"}, None),
        ({}, "hf-home/token"),
        ({"HF_TOKEN": " "}, "hf-home/token"),
        ({"HF_TOKEN_PATH": "mine"}, "mine"),
    ],
)
def test_where_the_token_comes_from(hub, commit, monkeypatch, tmp_path, environment, file):
    hub.private.add(NAME)
    monkeypatch.chdir(tmp_path)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    if file:
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_text(hub.token + "\n")
    fetch(NAME)
    monkeypatch.setenv("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1")
    with pytest.raises(DownloadError):
        fetch(NAME)


def test_proxy(hub, commit, content, monkeypatch):
    """The hub's name is known to nobody; the proxy (here the hub itself) is asked for whole addresses."""
    monkeypatch.setenv("HF_ENDPOINT", "http://hub.invalid")
    monkeypatch.setenv("HTTP_PROXY", hub.address)
    monkeypatch.setenv("http_proxy", hub.address)
    assert (fetch(NAME) / WEIGHTS).read_bytes() == content
    assert {headers["Host"] for _, path, headers in hub.requests if "/resolve/" in path} == {"hub.invalid"}


def redirected(old, new, method="GET", **headers):
    request = Request(old, headers={"Authorization": "Bearer x", "Range": "bytes=5-"}, method=method)
    return _Redirects().redirect_request(request, io.BytesIO(), 302, "Found", headers, new)


def test_redirects():
    same = redirected("https://hub.test/a", "https://hub.test/b")
    assert dict(same.header_items()) == {"Authorization": "Bearer x", "Range": "bytes=5-"}
    for elsewhere in ("https://store.test/b", "https://hub.test:8443/b", "https://hub.test.evil/b"):
        assert dict(redirected("https://hub.test/a", elsewhere).header_items()) == {"Range": "bytes=5-"}
    assert redirected("https://hub.test/a", "https://hub.test/b", "HEAD").get_method() == "HEAD"
    assert redirected("https://hub.test/a", "https://s.test/b", "HEAD", **{"X-Linked-Etag": "1"}) is None
    with pytest.raises(DownloadError, match=r"hub\.test redirects to http://hub\.test, which is not protected"):
        redirected("https://hub.test/a", "http://hub.test/b")


# Refusals -----------------------------------------------------------------------------------------------------------


def test_no_such_repository(hub):
    assert refusal("tester/livly") == (
        f"'tester/livly' is no directory here, and {hub.address} shows no such repository (status 401): check the "
        "name; a private repository needs a token in HF_TOKEN"
    )


def test_a_private_repository(hub, commit, monkeypatch):
    hub.private.add(NAME)
    assert "a private repository needs a token in HF_TOKEN" in refusal()
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    assert refusal() == f"{hub.address} does not accept the token of HF_TOKEN (or of 'hf auth login')"


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
def test_no_weights(hub, lively_files, blobs, gives_reasons):
    """Mirrors may refuse without saying why."""
    hub.add(NAME, {name: content for name, content in lively_files.items() if name != WEIGHTS})
    hub.gives_reasons = gives_reasons
    assert refusal() == (
        f"{NAME!r} has no weights at revision 'main': neither model.safetensors, model.safetensors.index.json nor "
        "pytorch_model.bin"
    )
    assert_nothing_published(blobs)


def test_a_wicked_index(hub, lively_files, blobs):
    files = {name: content for name, content in lively_files.items() if name != WEIGHTS}
    hub.add(NAME, files | {"model.safetensors.index.json": b'{"weight_map": {"a": "../../model.safetensors"}}'})
    with pytest.raises(CheckpointError, match=r"which is no plain name of a \.safetensors file"):
        checkpoint_directory(NAME)
    assert not (blobs.parent / "snapshots").exists()


def test_what_is_no_hub(hub, commit):
    hub.gives_metadata = False
    assert refusal() == (
        f"{hub.address} answers for {NAME}/config.json without a commit or without a checksum, so it is no Hugging "
        "Face hub: check HF_ENDPOINT, and whether a proxy or a login page stands between"
    )


@pytest.mark.parametrize("status", [500, 503, 418])
def test_a_broken_hub(hub, commit, status):
    hub.failures = [status] * 5
    message = refusal()
    assert re.fullmatch(rf"{hub.address} refuses {NAME}/config.json: status {status}, .+; try again later", message)
    assert hub.asked("HEAD")["config.json"] == (1 if status == 418 else 5)


def test_no_network(hub, monkeypatch):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        monkeypatch.setenv("HF_ENDPOINT", address + "/")
        message = refusal()
    assert message.startswith(f"{NAME!r} is not in the cache, and {address} cannot be reached to fetch it: ")
    assert "refused. Check the network and the proxy (HTTPS_PROXY), or give the path of" in message


def test_a_silent_hub(hub, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{silent.getsockname()[1]}")
        monkeypatch.setenv("HF_HUB_ETAG_TIMEOUT", "0.05")
        assert "cannot be reached to fetch it: timed out. Check" in refusal()


def test_a_store_that_falls_silent(hub, commit, content, monkeypatch):
    monkeypatch.setenv("HF_HUB_DOWNLOAD_TIMEOUT", "0.2")
    hub.hold_after = 1000
    assert (fetch(NAME) / WEIGHTS).read_bytes() == content
    assert ranges(hub) == [None, "bytes=1000-"]


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


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("HF_ENDPOINT", "huggingface.co", "HF_ENDPOINT is 'huggingface.co'; expected an address such as"),
        ("HF_ENDPOINT", "file:///etc", "HF_ENDPOINT is 'file:///etc'; expected an address such as"),
        ("HF_ENDPOINT", "http://[", "expected an address such as https://huggingface.co, or nothing"),
        ("HF_HUB_ETAG_TIMEOUT", "soon", "HF_HUB_ETAG_TIMEOUT is 'soon'; expected a number of seconds above 0"),
        ("HF_HUB_DOWNLOAD_TIMEOUT", "0", "HF_HUB_DOWNLOAD_TIMEOUT is '0'; expected a number of seconds above 0"),
        ("HF_TOKEN", "hf\nsecret", "is not one line of ASCII text"),
    ],
)
def test_settings_that_make_no_sense(hub, monkeypatch, variable, value, message):
    monkeypatch.setenv(variable, value)
    assert message in refusal()
    assert hub.requests == []


# The disk -----------------------------------------------------------------------------------------------------------


def full_message(content, blobs):
    return (
        f"the disk is full: {WEIGHTS} of {len(content) / 1e6:.1f} MB does not fit into the cache {blobs.parent}. Free "
        "some space (what has arrived is kept and continued), or move the cache with HF_HOME"
    )


def test_a_disk_without_room_is_left_alone(hub, commit, content, blobs, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10**9, 10**9 - 100_000, 100_000))
    assert refusal() == full_message(content, blobs)
    assert_nothing_published(blobs, f"{sha256(content)}.incomplete")
    assert (blobs / f"{sha256(content)}.incomplete").stat().st_size == 0


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_disk_that_fills_up(hub, commit, content, blobs, monkeypatch, number):
    def refuse(handle):
        if os.fstat(handle).st_size == len(content):
            raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", refuse)
        assert refusal() == full_message(content, blobs)
    assert_nothing_published(blobs, f"{sha256(content)}.incomplete")
    assert (fetch(NAME) / WEIGHTS).read_bytes() == content


def test_a_cache_that_cannot_be_written(hub, commit, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("HF_HOME", str(tmp_path / "file"))
    folder = tmp_path / "file/hub/models--tester--lively"
    assert refusal() == (
        f"the cache {folder} cannot be written: Not a directory; move it to a writable folder with HF_HOME"
    )


def test_a_reference_that_cannot_be_written(hub, commit, blobs):
    (blobs.parent / "refs/main").mkdir(parents=True)
    assert refusal() == f"the cache {blobs.parent} cannot be written: Is a directory"


def test_a_damaged_file_that_cannot_be_removed(hub, commit, monkeypatch):
    weights = fetch(NAME) / WEIGHTS
    weights.resolve().write_bytes(b"rot")

    def refuse(path):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("pathlib.Path.unlink", refuse)
    with pytest.raises(DownloadError, match="is damaged or cannot be read, and not be replaced: Permission denied"):
        fetch(NAME, recheck=True)


# What is said -------------------------------------------------------------------------------------------------------


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(("variable", "shown"), [(None, True), ("HF_HUB_DISABLE_PROGRESS_BARS", False)])
def test_progress_bar(hub, commit, monkeypatch, variable, shown):
    monkeypatch.setattr(sys, "stderr", Terminal())
    if variable:
        monkeypatch.setenv(variable, "1")
    fetch(NAME)
    assert bool(re.search(r"model\.safetensors:   0%\|.*\| 0\.00/1\.\d+M \[", sys.stderr.getvalue())) == shown


def test_the_progress_bar_counts_each_byte_once(hub, commit, content, blobs, monkeypatch):
    """Also those that an earlier run left, and those that are fetched again because a store knows no ranges."""
    counted = {}
    close = tqdm.close

    def record(bar):
        counted[bar.desc.rstrip(": ")] = (bar.n, bar.total)
        close(bar)

    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setattr(tqdm, "close", record)
    blobs.mkdir(parents=True)
    (blobs / f"{sha256(content)}.incomplete").write_bytes(content[:500])
    hub.ignores_range = True
    hub.cuts = [1000]
    fetch(NAME)
    assert counted[WEIGHTS] == (len(content), len(content))
    assert ranges(hub) == ["bytes=500-", "bytes=1000-"]


def test_no_progress_bar_in_a_file(hub, commit, monkeypatch):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    fetch(NAME)
    assert "%" not in sys.stderr.getvalue()


def test_the_terms_are_told_before_weights_arrive(hub, commit, content, tmp_path, caplog):
    hub.rotten = True
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
