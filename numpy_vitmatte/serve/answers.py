"""Answers: one picture, an archive, or a form of several parts; made on a lane, sent as the client takes them."""

import asyncio
import json
import secrets
import zipfile
from collections.abc import Mapping
from typing import IO, Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from numpy_vitmatte.serve.pictures import ENCODINGS, AnswerPicture, encode, file_name, new_spool
from numpy_vitmatte.serve.report import HEADER, as_json
from numpy_vitmatte.serve.uploads import SPOOL

_PIECE = 128 * 1024


class SpooledResponse(Response):
    """The content of a file, which is closed at the end.

    Parameters
    ----------
    file : binary file
    media_type : str
    headers : mapping of str to str
    """

    def __init__(self, file: IO[bytes], media_type: str, headers: Mapping[str, str]) -> None:
        self.file = file
        super().__init__(None, 200, media_type=media_type)
        length = file.seek(0, 2)
        del self.headers["content-length"]
        self.headers["content-length"] = str(length)
        self.headers.update(headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it, piece by piece."""
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            in_memory = int(self.headers["content-length"]) <= SPOOL
            self.file.seek(0)
            while piece := self.file.read() if in_memory else await asyncio.to_thread(self.file.read, _PIECE):
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            self.file.close()


def one_picture(name: str, picture: AnswerPicture, form: str, report: dict[str, Any]) -> SpooledResponse:
    """Answer with a picture, its report in a header."""
    file = new_spool()
    encode(file, picture, form)
    headers = {HEADER: as_json(report), "Content-Disposition": f'inline; filename="{file_name(name, form)}"'}
    return SpooledResponse(file, ENCODINGS[form].media_type, headers)


def archive(pictures: Mapping[str, AnswerPicture], form: str, report: dict[str, Any]) -> SpooledResponse:
    """Answer with a zip of pictures and the report, stored as they are: pictures are compressed already."""
    file = new_spool()
    with zipfile.ZipFile(file, "w") as entries:
        for name, picture in pictures.items():
            own = _form(name, form)
            with entries.open(file_name(name, own), "w") as entry:
                encode(entry, picture, own)
        entries.writestr("report.json", json.dumps(report, indent=2))
    headers = {HEADER: as_json(report), "Content-Disposition": 'attachment; filename="matting.zip"'}
    return SpooledResponse(file, "application/zip", headers)


def several_parts(pictures: Mapping[str, AnswerPicture], form: str, report: dict[str, Any]) -> SpooledResponse:
    """Answer with a form of report and pictures, which browsers and Python's ``email`` take apart."""
    file, boundary = new_spool(), secrets.token_hex(16)
    _part(file, boundary, "report", None, "application/json")
    file.write(as_json(report).encode())
    for name, picture in pictures.items():
        own = _form(name, form) if len(pictures) > 1 else form
        _part(file, boundary, name, file_name(name, own), ENCODINGS[own].media_type)
        encode(file, picture, own)
    file.write(f"\r\n--{boundary}--\r\n".encode())
    return SpooledResponse(file, f"multipart/form-data; boundary={boundary}", {})


def _form(name: str, form: str) -> str:
    """Choose a picture's format; of several, the alpha has the one that was asked for."""
    return form if name == "alpha" else "png"


def _part(file: IO[bytes], boundary: str, name: str, filename: str | None, media_type: str) -> None:
    called = f'; filename="{filename}"' if filename else ""
    file.write(f'\r\n--{boundary}\r\nContent-Disposition: form-data; name="{name}"{called}\r\n'.encode())
    file.write(f"Content-Type: {media_type}\r\n\r\n".encode())
