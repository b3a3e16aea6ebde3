"""Matte a photo with a service, with Python's standard library alone: client.py PHOTO TRIMAP ALPHA [ADDRESS]."""

import json
import secrets
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path


def form(fields: dict[str, str], files: dict[str, bytes]) -> tuple[bytes, str]:
    """A multipart form: its body and its content type."""
    boundary = secrets.token_hex(16)
    body = b""
    for name, text in fields.items():
        body += f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n'.encode()
    for name, content in files.items():
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; filename="{name}"\r\n\r\n'
        body += head.encode() + content + b"\r\n"
    return body + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


def matte(address: str, photo: bytes, trimap: bytes, **fields: str) -> tuple[bytes, dict]:
    """The picture and its report; where the service is busy, ask again when it says so."""
    body, content_type = form(fields, {"image": photo, "trimap": trimap})
    request = urllib.request.Request(f"{address}/v1/matte", body, {"Content-Type": content_type})
    while True:
        try:
            with urllib.request.urlopen(request) as answer:
                return answer.read(), json.loads(answer.headers["X-Matting-Report"])
        except urllib.error.HTTPError as error:
            pause = error.headers.get("Retry-After")
            if error.code != 503 or pause is None:
                sys.exit(json.load(error)["detail"])
            time.sleep(int(pause))


if __name__ == "__main__":
    photo, trimap, alpha, *address = sys.argv[1:]
    files = [Path(path).read_bytes() for path in (photo, trimap)]
    picture, report = matte(*(address or ["http://127.0.0.1:7000"]), *files)
    Path(alpha).write_bytes(picture)
    print(*report["trimap"]["lines"], sep="\n")
