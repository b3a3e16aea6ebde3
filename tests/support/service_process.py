"""A service in a process of its own on a free loopback port, and a client for it that uses the standard library."""

import http.client
import io
import json
import os
import secrets
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import numpy as np
from PIL import Image

import numpy_vitmatte

PATIENCE = 300
"""Seconds for a service to begin: the first one of a test run may have to compile."""


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    def json(self):
        return json.loads(self.body)

    def report(self):
        return json.loads(self.headers["X-Matting-Report"])

    def picture(self):
        return np.asarray(Image.open(io.BytesIO(self.body)))

    def array(self):
        return np.load(io.BytesIO(self.body))


class RunningService(NamedTuple):
    """A service that answers."""

    process: subprocess.Popen
    address: str

    @property
    def port(self):
        return urlsplit(self.address).port

    def connect(self, timeout=120):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def request(self, method, path, body=None, headers=None):
        connection = self.connect()
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    def get(self, path, **headers):
        return self.request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})

    def post(self, path, parts, **headers):
        """Send a form; ``parts`` is a dict or a list of pairs, bytes are files."""
        body, content_type = form(parts)
        more = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.request("POST", path, body, {"Content-Type": content_type} | more)

    def matte(self, **parts):
        return self.post("/v1/matte", parts)


def form(parts):
    """A multipart form: body and content type."""
    boundary, body = secrets.token_hex(16), bytearray()
    for name, value in parts.items() if isinstance(parts, dict) else parts:
        file = isinstance(value, bytes)
        body += f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"'.encode()
        body += b'; filename="x"\r\n\r\n' if file else b"\r\n\r\n"
        body += (value if file else str(value).encode()) + b"\r\n"
    return bytes(body) + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


def encoded(array, kind="PNG"):
    """A picture's file."""
    file = io.BytesIO()
    Image.fromarray(array).save(file, kind)
    return file.getvalue()


def environment(**more):
    """The environment of this process, with this package to import."""
    paths = [str(Path(numpy_vitmatte.__file__).parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), **more}


@contextmanager
def running_service(*options, log, before="", **variables):
    """Start ``numpy-vitmatte serve``, after some code, and wait until it is ready; in the end, stop it."""
    program = f"{before}\nimport sys\nfrom numpy_vitmatte.cli import main\nsys.exit(main())"
    command = [sys.executable, *(["-c", program] if before else ["-m", "numpy_vitmatte"])]
    command += ["serve", "--port", "0", *map(str, options)]
    with open(log, "wb") as stderr:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, env=environment(**variables))
    try:
        address = process.stdout.readline().decode().strip()
        assert address.startswith("http://"), Path(log).read_text()
        service = RunningService(process, address)
        wait_until(lambda: service.get("/readyz").status == 200)
        yield service
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
        process.wait()
        process.stdout.close()


def wait_until(condition, patience=PATIENCE):
    """Look again and again, with a pause, until a condition holds."""
    for _ in range(patience * 10):
        if condition():
            return
        time.sleep(0.1)
    raise AssertionError("it never came true")
