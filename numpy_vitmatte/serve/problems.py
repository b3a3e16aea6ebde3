"""Errors as HTTP reports them: a status, and RFC 9457's ``application/problem+json`` with one sentence."""

import json
import logging
from http import HTTPStatus
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from numpy_vitmatte.errors import VitMatteError

MEDIA_TYPE = "application/problem+json"

_logger = logging.getLogger("numpy_vitmatte")

_CODES = {400: "bad_request", 404: "not_found", 405: "method_not_allowed"}


class Problem(Exception):
    """A request that is answered by an error.

    Attributes
    ----------
    status : int
        Status of the answer, 400 to 599.
    code : str
        The kind of problem, for programs.
    message : str
        One sentence for people.
    headers : dict of str to str
        More headers of the answer.
    """

    def __init__(self, status: int, code: str, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.headers = status, code, " ".join(message.split()), headers or {}

    def response(self) -> Response:
        """Return the answer."""
        body = {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.message,
            "error": {"code": self.code, "message": self.message},
        }
        return Response(json.dumps(body), self.status, headers=self.headers, media_type=MEDIA_TYPE)


class ClientGone(Exception):
    """Nobody waits for the answer any more."""


SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "error"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What was found, what was expected and what to do."},
        "error": {
            "type": "object",
            "required": ["code", "message"],
            "properties": {"code": {"type": "string"}, "message": {"type": "string"}},
        },
    },
}
"""The body as JSON Schema."""


def unusable(error: VitMatteError) -> Problem:
    """Make the problem of input that the package refuses, in its own words."""
    return Problem(422, "unusable_input", str(error))


def too_large(message: str) -> Problem:
    """Make the problem of a body, a picture or a job beyond a limit of the service."""
    return Problem(413, "too_large", message)


async def answer_problem(_: Request, error: Exception) -> Response:
    """Answer what this room raises."""
    assert isinstance(error, Problem)
    return error.response()


async def answer_http_exception(_: Request, error: Exception) -> Response:
    """Answer what the framework raises: no such path, no such method, a body that is no form."""
    assert isinstance(error, HTTPException)
    code = _CODES.get(error.status_code, "bad_request")
    return Problem(error.status_code, code, str(error.detail), dict(error.headers or {})).response()


async def answer_gone(_: Request, error: Exception) -> Response:
    """Close what nobody reads."""
    assert isinstance(error, (ClientGone, ClientDisconnect))
    return Response(status_code=400)


async def answer_unexpected(_: Request, error: Exception) -> Response:
    """Answer a fault of the service; what it was goes to the log alone."""
    _logger.error("unexpected %s", type(error).__name__, exc_info=error)
    return Problem(500, "internal_error", "the service failed; its log says why").response()
