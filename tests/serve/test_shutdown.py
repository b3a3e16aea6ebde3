"""SIGTERM loses no accepted picture, ``kill -9`` leaves nothing behind, and a client that goes frees the lane."""

import re
import signal
import socket
import threading
import time

import numpy as np
import pytest
from support.service_process import encoded, form, running_service, wait_until

from numpy_vitmatte import matte

pytest.importorskip("fastapi", reason="the service needs the extra [serve]")

pytestmark = pytest.mark.extras

RNG = np.random.default_rng(3)
BIG = RNG.integers(0, 256, (700, 900, 3), dtype=np.uint8)
UNKNOWN = np.full(BIG.shape[:2], 128, np.uint8)
UNKNOWN[:9], UNKNOWN[-9:] = 0, 255
BIG_PARTS = {"image": encoded(BIG), "trimap": encoded(UNKNOWN), "format": "npy"}


@pytest.fixture
def own_service(tmp_path):
    """A service of one's own, with the bundled checkpoint: a photo takes it a while."""
    with running_service("--queue", 3, log=tmp_path / "log", TMPDIR=str(tmp_path)) as running:
        yield running


def post_in_thread(service, answers, parts):
    thread = threading.Thread(target=lambda: answers.append(service.post("/v1/matte", parts)))
    thread.start()
    return thread


def gauge(service, name):
    return float(re.search(rf"^numpy_vitmatte_{name} (.*)$", service.get("/metrics").body.decode(), re.M)[1])


def test_sigterm_in_the_middle_of_work(own_service):
    answers = []
    threads = [post_in_thread(own_service, answers, BIG_PARTS)]
    wait_until(lambda: gauge(own_service, "running") == 1)
    threads += [post_in_thread(own_service, answers, BIG_PARTS) for _ in range(2)]
    wait_until(lambda: gauge(own_service, "queue_length") == 2)
    own_service.process.send_signal(signal.SIGTERM)
    for thread in threads:
        thread.join(120)
    assert own_service.process.wait(60) in (0, -signal.SIGTERM)
    assert sorted(answer.status for answer in answers) == [200, 503, 503]
    (done,) = [answer for answer in answers if answer.status == 200]
    np.testing.assert_array_equal(done.array(), matte(BIG, UNKNOWN))
    for answer in answers:
        if answer is not done:
            assert answer.json()["error"]["code"] == "shutting_down"
            assert int(answer.headers["Retry-After"]) >= 1


def test_a_full_queue(own_service):
    answers = []
    threads = [post_in_thread(own_service, answers, BIG_PARTS) for _ in range(4)]
    wait_until(lambda: gauge(own_service, "queue_length") == 3)
    refused = own_service.post("/v1/matte", BIG_PARTS)
    assert (refused.status, refused.json()["error"]["code"]) == (503, "queue_full")
    assert int(refused.headers["Retry-After"]) >= 1
    assert own_service.get("/readyz").status == 503  # a balancer sends the next one elsewhere
    assert own_service.get("/healthz").status == 200
    for thread in threads:
        thread.join(120)
    assert [answer.status for answer in answers] == [200] * 4


def test_kill_leaves_no_file(own_service, tmp_path):
    """Uploads above 256 kB lie in temporary files, which have no names."""
    before = {path.name for path in tmp_path.iterdir()}
    body, content_type = form(BIG_PARTS)
    assert len(body) > 1_000_000
    head = f"POST /v1/matte HTTP/1.1\r\nHost: localhost\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}"
    with socket.create_connection(("127.0.0.1", own_service.port)) as connection:
        connection.sendall(head.encode() + b"\r\n\r\n" + body[:-10])
        time.sleep(1)
        assert {path.name for path in tmp_path.iterdir()} == before
        own_service.process.kill()
        own_service.process.wait()
    assert {path.name for path in tmp_path.iterdir()} == before


def test_a_client_that_goes_frees_its_place_and_the_lane(own_service):
    body, content_type = form(BIG_PARTS)
    head = f"POST /v1/matte HTTP/1.1\r\nHost: localhost\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}"
    connections = [socket.create_connection(("127.0.0.1", own_service.port)) for _ in range(3)]
    for connection in connections:
        connection.sendall(head.encode() + b"\r\n\r\n" + body)
    wait_until(lambda: (gauge(own_service, "running"), gauge(own_service, "queue_length")) == (1, 2))
    for connection in connections:
        connection.close()
    wait_until(lambda: (gauge(own_service, "running"), gauge(own_service, "queue_length")) == (0, 0))
    # Only the picture that had begun was computed, and none was finished for nobody.
    assert gauge(own_service, "queue_seconds_count") == 1
    assert gauge(own_service, "pixels_total") <= UNKNOWN.size
