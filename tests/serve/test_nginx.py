"""Behind Debian's nginx: the configuration of docs/serving.md, with ports of this machine."""

import re
import shutil
import socket
import subprocess
from pathlib import Path

import numpy as np
import pytest
from support.matting_job import PHOTO, TRIMAP
from support.service_process import RunningService, form, running_service, wait_until

from numpy_vitmatte import matte

pytest.importorskip("fastapi", reason="the service needs the extra [serve]")

pytestmark = pytest.mark.extras

NGINX = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
if NGINX is None:
    pytest.skip("nginx is not installed; Debian's package is called nginx-light", allow_module_level=True)

DOCS = Path(__file__).resolve().parents[2] / "docs"
AROUND = """
user {user};
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u;
  scgi_temp_path {folder}/s;
  {site}
}}
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def site(backend, port):
    """The documented site, on a loopback port and without TLS."""
    text = (DOCS / "serving" / "nginx.conf").read_text()
    text = text.replace("127.0.0.1:7000", f"127.0.0.1:{backend}")
    return re.sub(r"listen [^;]*;", f"listen 127.0.0.1:{port};", text)


@pytest.fixture(scope="module")
def behind(lively_checkpoint, tmp_path_factory):
    """The service itself, and the service as nginx passes it on."""
    folder = tmp_path_factory.mktemp("nginx")
    options = ["--model", lively_checkpoint, "--allow-host", "matting.example.org", "--max-upload", "64MB"]
    with running_service(*options, log=folder / "log") as backend:
        port = free_port()
        user = Path("/proc/self").owner()
        (folder / "nginx.conf").write_text(AROUND.format(folder=folder, user=user, site=site(backend.port, port)))
        command = [NGINX, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-g", "daemon off;"]
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        front = RunningService(process, f"http://127.0.0.1:{port}")
        try:
            wait_until(lambda: answers(front), patience=20)
            yield backend, front
        finally:
            process.terminate()
            process.wait()


def answers(service):
    try:
        return service.get("/healthz", Host="matting.example.org").status == 200
    except OSError:
        return False


def test_the_same_bits(behind, parts, lively_checkpoint):
    answer = behind[1].post("/v1/matte", {**parts, "format": "npy"}, Host="matting.example.org")
    assert answer.status == 200
    assert answer.report()["width"] == TRIMAP.shape[1]
    np.testing.assert_array_equal(answer.array(), matte(PHOTO, TRIMAP, lively_checkpoint))


def test_the_page_may_ask_behind_nginx(behind, parts):
    """Scheme and port of the page's origin are nginx's, and the Host header that it passes on agrees with them."""
    headers = {"Host": "matting.example.org", "Origin": "https://matting.example.org"}
    assert behind[1].post("/v1/matte", parts, **headers).status == 200
    assert behind[1].post("/v1/matte", parts, **headers | {"Origin": "https://evil.example.org"}).status == 403


def test_a_body_that_is_too_long(behind, parts):
    answer = behind[1].post("/v1/matte", {**parts, "image": bytes(65_000_000)}, Host="matting.example.org")
    assert answer.status == 413


def test_a_client_that_goes(behind, parts):
    """The proxy closes its own connection to the service when its client has gone, and the lane is free again."""
    backend, front = behind
    body, content_type = form(parts)
    for _ in range(5):
        with socket.create_connection(("127.0.0.1", front.port)) as connection:
            head = f"POST /v1/matte HTTP/1.1\r\nHost: matting.example.org\r\nContent-Type: {content_type}\r\n"
            connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body[:2000])
    wait_until(lambda: b"numpy_vitmatte_running 0.0" in backend.get("/metrics").body, patience=60)
    assert front.post("/v1/matte", parts, Host="matting.example.org").status == 200
