"""Clients that send too much, too slowly, never or in pieces; and many that only stay connected."""

import json
import socket
import time

import numpy as np
import pytest
from support.service_process import encoded, form, wait_until

pytest.importorskip("fastapi", reason="the service needs the extra [serve]")

pytestmark = pytest.mark.extras

START = b'--x\r\nContent-Disposition: form-data; name="image"; filename="x"\r\n\r\n'
LIMIT = 2_000_000  # what the service of these tests is started with, as are five seconds for a request to arrive


def raw_exchange(service, head, pieces=(), pause=0.0):
    """Send bytes as they are; read until the service closes or a whole answer is there."""
    with socket.create_connection(("127.0.0.1", service.port), timeout=60) as connection:
        connection.sendall(head)
        for piece in pieces:
            try:
                connection.sendall(piece)
            except OSError:  # the service has answered and closed
                break
            time.sleep(pause)
        return read_answer(connection)


def read_answer(connection):
    received = b""
    while b"\r\n\r\n" not in received:
        piece = connection.recv(65536)
        if not piece:
            return None, received
        received += piece
    head, _, body = received.partition(b"\r\n\r\n")
    length = head.lower().partition(b"content-length:")[2].split(b"\r\n")[0]
    while len(body) < int(length or 1 << 30) and (piece := connection.recv(65536)):
        body += piece
    return int(head.split()[1]), body


def head(content_type, *lines):
    more = "".join(f"{line}\r\n" for line in lines)
    return f"POST /v1/matte HTTP/1.1\r\nHost: localhost\r\nContent-Type: {content_type}\r\n{more}\r\n".encode()


def chunk(data):
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


def test_a_body_in_chunks(service, parts):
    body, content_type = form(parts)
    pieces = [chunk(body[start : start + 1000]) for start in range(0, len(body), 1000)]
    status, answer = raw_exchange(service, head(content_type, "Transfer-Encoding: chunked"), [*pieces, b"0\r\n\r\n"])
    assert status == 200
    assert answer.startswith(b"\x89PNG")


def test_a_body_that_announces_too_much(service):
    status, answer = raw_exchange(service, head("multipart/form-data; boundary=x", f"Content-Length: {LIMIT + 1}"))
    assert status == 413
    assert json.loads(answer)["detail"] == f"the request has more than {LIMIT} bytes; send smaller pictures"


def test_a_body_is_refused_while_it_streams_in(service):
    """It has no end: an answer can only come before."""
    endless = (chunk(START if number == 0 else bytes(65536)) for number in range(10_000))
    status, answer = raw_exchange(
        service, head("multipart/form-data; boundary=x", "Transfer-Encoding: chunked"), endless
    )
    assert status == 413
    assert json.loads(answer)["error"]["code"] == "too_large"


def test_a_client_that_sends_everything_first_reads_why(service, parts):
    answer = service.matte(**parts | {"image": bytes(3 * LIMIT)})
    assert answer.status == 413
    assert answer.headers["Connection"] == "close"


@pytest.mark.parametrize(
    ("status", "path", "lines"),
    [
        (403, "/v1/matte", ["Host: localhost", "Origin: https://evil.example.org"]),
        (421, "/v1/matte", ["Host: evil.example.org"]),
        (404, "/v1/nothing", ["Host: localhost"]),
        (405, "/v1/models", ["Host: localhost"]),
        (415, "/v1/matte", ["Host: localhost", "Content-Type: text/plain"]),
        (413, "/v1/matte", ["Host: localhost", "Content-Type: multipart/form-data; boundary=x"]),
    ],
)
def test_who_is_refused_before_the_body_may_send_it_to_the_end(service, status, path, lines):
    """Otherwise a proxy that still sends finds a reset connection, and passes on an answer without its body."""
    length = 2 * LIMIT if status == 413 else LIMIT
    text = "\r\n".join([f"POST {path} HTTP/1.1", *lines, f"Content-Length: {length}", "Connection: close", "\r\n"])
    with socket.create_connection(("127.0.0.1", service.port), timeout=60) as connection:
        connection.sendall(text.encode())
        answered, body = read_answer(connection)
        assert answered == status, body
        for _ in range(length // 100_000):
            connection.sendall(bytes(100_000))
        assert connection.recv(1) == b""


def test_a_slow_body(service):
    """A byte at a time would take hours; the time is for the whole body, not between two bytes."""
    began = time.monotonic()
    trickle = (START if number == 0 else b"x" for number in range(1000))
    status, answer = raw_exchange(
        service, head("multipart/form-data; boundary=x", "Content-Length: 100000"), trickle, pause=0.5
    )
    assert status in (408, None)  # a client that still sends when the connection closes may not get to read it
    if status:
        assert json.loads(answer)["detail"] == "the request took more than 5 seconds to arrive"
    assert time.monotonic() - began < 60


def test_a_body_that_stops(service):
    status, answer = raw_exchange(
        service, head("multipart/form-data; boundary=x", "Content-Length: 1000"), [b"--x\r\n"]
    )
    assert status == 408
    assert json.loads(answer)["detail"] == "the request took more than 5 seconds to arrive"


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_a_truncated_form(service, parts, share):
    """The body is as long as announced, but the form is cut off."""
    body, content_type = form(parts)
    answer = service.request("POST", "/v1/matte", body[: int(share * len(body))], {"Content-Type": content_type})
    assert answer.status == 422
    assert answer.json()["error"]["code"] in ("missing_field", "unusable_input")


def test_a_client_that_leaves_in_the_middle_of_its_body(service, parts):
    body, content_type = form(parts)
    for _ in range(40):  # more than are received at a time
        with socket.create_connection(("127.0.0.1", service.port)) as connection:
            connection.sendall(head(content_type, f"Content-Length: {len(body)}") + body[:1000])
    wait_until(lambda: service.matte(**parts).status == 200, patience=4)  # less than the service waits for a body


def test_a_long_header(service):
    status, _ = raw_exchange(service, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 100_000)
    assert status in (400, 431, None)
    assert service.get("/healthz").status == 200


def test_a_header_that_never_ends(service):
    """A byte now and then keeps a connection alive for uvicorn; the service gives a header twenty seconds."""
    with socket.create_connection(("127.0.0.1", service.port), timeout=60) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n")
        for _ in range(60):
            try:
                connection.sendall(b"X: y\r\n")
            except OSError:
                break
            time.sleep(1)
        else:
            raise AssertionError("the connection is still open after a minute")


def test_idle_connections_keep_nobody_out(service, parts):
    idle = [socket.create_connection(("127.0.0.1", service.port)) for _ in range(50)]
    try:
        for connection in idle[::2]:
            connection.sendall(b"POST /v1/matte HTTP/1.1\r\nHost: loc")
        assert service.matte(**parts).status == 200
    finally:
        for connection in idle:
            connection.close()


def test_many_slow_bodies_are_sent_away_and_probes_answer(service):
    """At most 32 bodies are received at a time; the others are told to come again."""
    start = head("multipart/form-data; boundary=x", "Content-Length: 1000")
    waiting = [socket.create_connection(("127.0.0.1", service.port), timeout=60) for _ in range(40)]
    try:
        for connection in waiting:
            connection.sendall(start)
        assert service.get("/healthz").status == 200
        statuses = sorted(read_answer(connection)[0] for connection in waiting)
    finally:
        for connection in waiting:
            connection.close()
    assert statuses == [408] * 32 + [503] * 8


def test_a_client_that_does_not_read(service):
    """Its answer waits outside of the lane, and not for ever."""
    size = (2000, 2000)  # as floats 16 MB, more than the buffers of both sockets hold
    trimap = np.zeros(size, np.uint8)  # nothing is unknown, so there is nothing to compute
    body, content_type = form({"image": encoded(trimap), "trimap": encoded(trimap), "format": "npy"})
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(60)
        connection.connect(("127.0.0.1", service.port))
        connection.sendall(head(content_type, f"Content-Length: {len(body)}") + body)
        assert connection.recv(12) == b"HTTP/1.1 200"
        wait_until(lambda: b"numpy_vitmatte_running 0.0" in service.get("/metrics").body, patience=4)
        time.sleep(8)  # the service waits five seconds for each piece to be taken
        received = 0
        try:
            while piece := connection.recv(1 << 20):
                received += len(piece)
        except ConnectionResetError:
            pass
    assert received < 16_000_000
