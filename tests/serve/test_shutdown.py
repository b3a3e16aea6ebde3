"""SIGTERM loses no accepted picture, ``kill -9`` leaves nothing behind, and a client that goes frees the lane."""

import http.client
import re
import signal
import socket
import threading
import time

import numpy as np
import pytest
from support.matting_job import PHOTO, TRIMAP
from support.service_process import encoded, form, running_service, wait_until

from numpy_vitmatte import matte

pytest.importorskip("fastapi", reason="the service needs the extra [serve]")

pytestmark = pytest.mark.extras

BIG = np.random.default_rng(3).integers(0, 256, (700, 900, 3), dtype=np.uint8)

WAITS_WHILE_IT_COMPUTES = """
import os, time
from numpy_vitmatte.serve import matting_job
compute = matting_job.compute
def wait(job):
    while os.path.exists(os.environ["HOLD"]):
        time.sleep(0.01)
    return compute(job)
matting_job.compute = wait
"""


@pytest.fixture
def hold(tmp_path):
    """A file; while it exists the service computes nothing."""
    (tmp_path / "hold").touch()
    return tmp_path / "hold"


@pytest.fixture
def own_service(tmp_path, lively_checkpoint, hold):
    """A service of one's own that waits where it would compute."""
    options = ["--model", lively_checkpoint, "--queue", 3]
    variables = {"TMPDIR": str(tmp_path), "HOLD": str(hold)}
    with running_service(*options, log=tmp_path / "log", before=WAITS_WHILE_IT_COMPUTES, **variables) as running:
        yield running
        hold.unlink(missing_ok=True)


def post_in_thread(service, answers, parts):
    thread = threading.Thread(target=lambda: answers.append(service.post("/v1/matte", parts | {"format": "npy"})))
    thread.start()
    return thread


def gauge(service, name):
    return float(re.search(rf"^numpy_vitmatte_{name} (.*)$", service.get("/metrics").body.decode(), re.M)[1])


def test_sigterm_in_the_middle_of_work(own_service, parts, hold, lively_checkpoint):
    answers = []
    threads = [post_in_thread(own_service, answers, parts) for _ in range(3)]
    wait_until(lambda: (gauge(own_service, "running"), gauge(own_service, "queue_length")) == (1, 2))
    own_service.process.send_signal(signal.SIGTERM)
    wait_until(lambda: shuts_down(own_service))
    hold.unlink()
    for thread in threads:
        thread.join(120)
    assert own_service.process.wait(60) in (0, -signal.SIGTERM)
    assert sorted(answer.status for answer in answers) == [200, 503, 503]
    (done,) = [answer for answer in answers if answer.status == 200]
    np.testing.assert_array_equal(done.array(), matte(PHOTO, TRIMAP, lively_checkpoint))
    for answer in answers:
        if answer is not done:
            assert answer.json()["error"]["code"] == "shutting_down"
            assert int(answer.headers["Retry-After"]) >= 1


def shuts_down(service):
    """It says so, or does not listen any more."""
    try:
        return service.get("/readyz").status == 503
    except (OSError, http.client.HTTPException):
        return True


def test_a_full_queue(own_service, parts, hold):
    answers = []
    threads = [post_in_thread(own_service, answers, parts) for _ in range(4)]
    wait_until(lambda: gauge(own_service, "queue_length") == 3)
    refused = own_service.matte(**parts)
    assert (refused.status, refused.json()["error"]["code"]) == (503, "queue_full")
    assert int(refused.headers["Retry-After"]) >= 1
    assert own_service.get("/readyz").status == 503  # a balancer sends the next one elsewhere
    assert own_service.get("/healthz").status == 200
    hold.unlink()
    for thread in threads:
        thread.join(120)
    assert [answer.status for answer in answers] == [200] * 4


def test_kill_leaves_no_file(own_service, parts, tmp_path):
    """Uploads above 256 kB lie in temporary files, which have no names."""
    before = {path.name for path in tmp_path.iterdir()}
    body, content_type = form(parts | {"image": encoded(BIG)})
    assert len(body) > 1_000_000
    head = f"POST /v1/matte HTTP/1.1\r\nHost: localhost\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}"
    with socket.create_connection(("127.0.0.1", own_service.port)) as connection:
        connection.sendall(head.encode() + b"\r\n\r\n" + body[:-10])
        time.sleep(1)
        assert {path.name for path in tmp_path.iterdir()} == before
        own_service.process.kill()
        own_service.process.wait()
    assert {path.name for path in tmp_path.iterdir()} == before


def test_a_client_that_goes_frees_its_place_and_the_lane(own_service, parts, hold):
    body, content_type = form(parts)
    head = f"POST /v1/matte HTTP/1.1\r\nHost: localhost\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}"
    connections = [socket.create_connection(("127.0.0.1", own_service.port)) for _ in range(3)]
    for connection in connections:
        connection.sendall(head.encode() + b"\r\n\r\n" + body)
    wait_until(lambda: (gauge(own_service, "running"), gauge(own_service, "queue_length")) == (1, 2))
    for connection in connections:
        connection.close()
    wait_until(lambda: (gauge(own_service, "running"), gauge(own_service, "queue_length")) == (1, 0))
    hold.unlink()
    wait_until(lambda: gauge(own_service, "running") == 0)
    # Only the picture that had begun was computed, and none was finished for nobody.
    assert gauge(own_service, "queue_seconds_count") == 1
    assert gauge(own_service, "pixels_total") == 0
