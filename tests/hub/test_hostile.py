"""Hubs, stores and proxies that mean harm: what huggingface_hub withstands, and what is caught behind it.

``docs/checkpoints.md`` says whose each answer is.
"""

import _thread
import gzip
import io
import logging
import re
import threading
from contextlib import suppress

import pytest
from support.fake_hub import send_whole, sha256

from numpy_vitmatte.errors import DownloadError
from numpy_vitmatte.hub import watch
from numpy_vitmatte.hub.fetch import fetch
from numpy_vitmatte.hub.resolve import checkpoint_directory

pytestmark = pytest.mark.extras

NAME = "tester/lively"
WEIGHTS = "model.safetensors"


@pytest.fixture
def cache(hub, lively_files, tmp_path):
    hub.add(NAME, lively_files)
    return tmp_path / "hf-home/hub/models--tester--lively"


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    """The library waits a second before it tries again."""
    file_download = pytest.importorskip("huggingface_hub.file_download", reason="the [hub] extra is not installed")
    monkeypatch.setattr(file_download.time, "sleep", lambda seconds: None)


def refusal():
    with pytest.raises(DownloadError) as caught:
        checkpoint_directory(NAME)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 800
    return str(caught.value)


def assert_no_weights(cache):
    assert not [path for path in cache.rglob("*") if len(path.name) == 64 or path.name.endswith(".incomplete")]


# Bodies -------------------------------------------------------------------------------------------------------------


def without_an_end(handler, content):
    """No length, and bytes for as long as somebody reads, up to a quarter of a gigabyte."""
    handler.answer(200, {})
    for _ in range(256):
        handler.wfile.write(bytes(1 << 20))


def compressed(handler, content):
    """A gzip stream of little length that grows a thousandfold."""
    body = gzip.compress(bytes(20 << 20))
    handler.answer(200, {"Content-Encoding": "gzip", "Content-Length": len(body)})
    handler.wfile.write(body)


@pytest.mark.parametrize("send_body", [without_an_end, compressed])
def test_a_body_without_an_end(hub, cache, lively_files, send_body):
    """The library writes what comes; its progress bar, ours, counts the bytes and ends it after ten megabytes."""
    hub.send_body = send_body
    assert refusal() == (
        f"{WEIGHTS} arrives with more than the {len(lively_files[WEIGHTS])} bytes that {hub.address} promised; nothing "
        "of it was kept. Try again; if it stays so, the hub or a proxy is broken"
    )
    assert_no_weights(cache)


def test_a_body_without_an_end_and_a_size_that_is_not_said(hub, cache):
    hub.send_body, hub.large_headers = without_an_end, {"X-Linked-Size": None, "Content-Length": None}
    # Older versions of the library want to know the size.
    assert re.search("arrives with more than the 10000000 bytes that|does not have a Content-Length", refusal())
    assert_no_weights(cache)


def test_a_body_that_is_too_short(hub, cache):
    """The library compares the size."""
    hub.send_body = lambda handler, content: send_whole(handler, content[:-1])
    assert f"{NAME}/{WEIGHTS} cannot be fetched from {hub.address}: Consistency check failed" in refusal()
    assert_no_weights(cache)


def test_a_store_that_says_nothing(hub, cache, monkeypatch):
    """A pause as long as HF_HUB_DOWNLOAD_TIMEOUT ends a try."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DOWNLOAD_TIMEOUT", 0.1)
    hub.send_body = lambda handler, content: hub.ended.wait(60)
    assert f"{NAME}/{WEIGHTS} cannot be fetched from {hub.address}: " in refusal()
    assert_no_weights(cache)


def trickle(handler, content):
    """A byte now and then, for as long as somebody reads."""
    handler.answer(200, {"Content-Length": len(content)})
    while not handler.hub.ended.wait(0.02):
        handler.wfile.write(b"x")


def trickling_headers(handler, content):
    """A byte of a header now and then."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
    while not handler.hub.ended.wait(0.02):
        handler.wfile.write(b"x")


def a_long_pause(handler, content):
    """The library waits as long as it is told to."""
    handler.answer(429, {"Retry-After": 10**6, "Content-Length": 0})


@pytest.mark.parametrize("send_body", [trickle, trickling_headers, a_long_pause])
def test_an_answer_that_takes_for_ever(hub, cache, monkeypatch, send_body):
    monkeypatch.setattr("time.sleep", hub.ended.wait)
    monkeypatch.setattr(watch, "_PATIENCE", 0.5)
    hub.send_body = send_body
    assert "fewer than 1000 bytes a second have arrived for 0.5 seconds; try again later" in refusal()
    if send_body is trickle:  # it ends at its next byte; the others when the process does
        assert_no_weights(cache)


def test_an_interruption_leaves_nothing(hub, cache):
    """Also where no byte comes any more, for which the library's thread waits."""

    def send_body(handler, content):
        handler.answer(200, {"Content-Length": len(content)})
        handler.wfile.write(content[:100])
        threading.Timer(0.3, _thread.interrupt_main).start()
        hub.ended.wait(60)

    hub.send_body = send_body
    with pytest.raises(KeyboardInterrupt):
        checkpoint_directory(NAME)
    assert_no_weights(cache)
    assert len(hub.bodies()) == 1


@pytest.mark.parametrize("status", [404, 302, 500])
def test_a_page_without_an_end(hub, cache, status):
    """The library would read the page of a refusal or a redirect into memory; it is taken as it comes, not unpacked."""
    sent = []

    def send_body(handler, content):
        handler.answer(status, {"Content-Encoding": "gzip", "Location": "/somewhere"})
        for _ in range(256):
            handler.wfile.write(bytes(1 << 20))
            sent.append(1)

    hub.send_body = send_body
    refusal()
    assert len(sent) < 64  # megabytes, most of them in the system's buffers
    assert_no_weights(cache)


# Headers ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("of", ["headers", "large_headers"])
@pytest.mark.parametrize("location", ["http://[", "http://127.0.0.1:99999/", "gopher://x/", "", "http://\x7f/"])
def test_malformed_redirects(hub, cache, location, of):
    setattr(hub, of, {"Location": location})
    refusal()
    assert_no_weights(cache)


@pytest.mark.parametrize("size", ["many", "-5", "1e9", "9" * 5000, ""])
def test_malformed_sizes(hub, cache, lively_files, size):
    """The right file or a refusal, as the library's version has it; never a traceback or another file."""
    hub.large_headers = {"X-Linked-Size": size}
    with suppress(DownloadError):
        assert (fetch(NAME) / WEIGHTS).read_bytes() == lively_files[WEIGHTS]
        return
    assert_no_weights(cache)


@pytest.mark.parametrize("length", ["many", "-5"])
def test_malformed_lengths_of_a_body(hub, cache, length):
    def send_body(handler, content):
        handler.answer(200, {"Content-Length": length})
        handler.wfile.write(content)

    hub.send_body = send_body
    refusal()
    assert_no_weights(cache)


def test_phrases_of_servers_do_not_reach_the_terminal(hub, cache, monkeypatch):
    """Neither the reason of a refusal nor a warning that the library logs."""
    attack = "\x1b]0;owned\x07\x1b[31m red"
    log = io.StringIO()
    monkeypatch.setattr(logging.getLogger("huggingface_hub").handlers[0], "stream", log)
    hub.headers = {"X-HF-Warning": f"topic; {attack}", "X-Error-Message": attack}
    hub.failures = [418]
    refusal()
    fetch(NAME)
    logging.getLogger("huggingface_hub.file_download").warning("said %s", attack)
    assert "said \\x1b]0;owned\\x07\\x1b[31m red\n" in log.getvalue()
    assert log.getvalue().replace("\n", "").isprintable()


# Who learns what, and what is followed ------------------------------------------------------------------------------


def test_the_token_goes_to_the_hub_and_never_to_the_store(hub, cache, lively_files, monkeypatch):
    hub.private.add(NAME)
    monkeypatch.setenv("HF_TOKEN", hub.token)
    assert (fetch(NAME) / WEIGHTS).read_bytes() == lively_files[WEIGHTS]
    for _, path, headers in hub.requests:
        assert headers.get("Authorization") == (None if path.startswith("/store/") else f"Bearer {hub.token}"), path


def test_proxy_credentials_go_to_the_proxy_alone(hub, cache, lively_files, monkeypatch):
    """The hub's name is known to nobody; the proxy (here the hub itself) is asked for whole addresses."""
    import huggingface_hub

    port = hub.address.rpartition(":")[2]
    monkeypatch.setenv("HF_ENDPOINT", "http://hub.invalid")
    monkeypatch.setenv("HTTP_PROXY", f"http://user:secret@127.0.0.1:{port}")
    monkeypatch.setenv("http_proxy", f"http://user:secret@127.0.0.1:{port}")
    monkeypatch.setenv("NO_PROXY", hub.store)
    monkeypatch.setenv("no_proxy", hub.store)
    huggingface_hub.close_session()
    assert (fetch(NAME) / WEIGHTS).read_bytes() == lively_files[WEIGHTS]
    told = {path.startswith("/store/"): headers.get("Proxy-Authorization") for _, path, headers in hub.requests}
    assert told[False].startswith("Basic ")
    assert told[True] is None


def test_a_link_in_place_of_a_partial_file_is_not_followed(hub, cache, lively_files, tmp_path):
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    blobs = cache / "blobs"
    blobs.mkdir(parents=True)
    checksum = sha256(lively_files[WEIGHTS])
    for name in (f"{checksum}.incomplete", f"{checksum}.lock"):
        (blobs / name).symlink_to(victim)
    assert (fetch(NAME) / WEIGHTS).read_bytes() == lively_files[WEIGHTS]
    assert victim.read_bytes() == b"precious"


def test_processes_whose_locks_do_not_lock_do_not_spoil_the_cache(hub, cache, lively_files, monkeypatch):
    """On some network disks ``flock`` succeeds for everybody: the slower one must not write into the faster one's."""
    import fcntl

    monkeypatch.setattr(fcntl, "flock", lambda *arguments: None)
    both, one_done, slow_goes_on = threading.Barrier(2), threading.Event(), threading.Event()

    def fetch_once():
        snapshots.append(fetch(NAME))
        one_done.set()

    def send_body(handler, content):
        handler.answer(200, {"Content-Length": len(content)})
        handler.wfile.write(content[:1000])
        if both.wait(30) == 0:
            slow_goes_on.wait(30)
        handler.wfile.write(content[1000:])

    hub.send_body = send_body
    snapshots = []
    threads = [threading.Thread(target=fetch_once) for _ in range(2)]
    for thread in threads:
        thread.start()
    one_done.wait(30)
    slow_goes_on.set()
    for thread in threads:
        thread.join()
    assert len(snapshots) == 2
    assert all((snapshot / WEIGHTS).read_bytes() == lively_files[WEIGHTS] for snapshot in snapshots)
