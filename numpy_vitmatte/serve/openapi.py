"""The OpenAPI description of the endpoints that take forms: their parts, and every answer they can give."""

from typing import Any

from pydantic import BaseModel

from numpy_vitmatte.serve.fields import MatteFields, TrimapFields
from numpy_vitmatte.serve.pictures import ENCODINGS
from numpy_vitmatte.serve.problems import MEDIA_TYPE, SCHEMA
from numpy_vitmatte.serve.report import HEADER

_BINARY = {"type": "string", "contentMediaType": "application/octet-stream", "format": "binary"}

_FILES = {
    "image": "The photo: PNG, JPEG, WebP, TIFF, BMP, GIF, PPM or AVIF.",
    "trimap": "The trimap, of the photo's size: black is background, white is foreground, gray is unknown.",
    "mask": "A mask, an alpha or a cut-out, of which the trimap is made.",
    "background": MatteFields.model_fields["background"].description or "",
}

PROBLEMS = {
    400: "The request cannot be read.",
    401: "The token is missing or wrong.",
    403: "A page of a foreign origin asks.",
    408: "The body took too long to arrive.",
    413: "The body, a picture or the job is too large.",
    415: "The body is not a multipart form.",
    421: "The Host header names another machine.",
    422: "A field or a picture cannot be used; the detail says why.",
    503: "The service is starting, busy or shutting down; Retry-After says when to come again.",
}


def problem_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the answers of these statuses."""
    content = {MEDIA_TYPE: {"schema": SCHEMA}}
    return {status: {"description": PROBLEMS[status], "content": content} for status in statuses}


def matte_operation() -> dict[str, Any]:
    """Describe ``POST /v1/matte``."""
    types = [*{encoding.media_type for encoding in ENCODINGS.values()}, "application/zip", "multipart/form-data"]
    body = _body(MatteFields, ("image", "trimap", "mask", "background"), ["image"])
    # The one name of a file and of a field.
    body["content"]["multipart/form-data"]["schema"]["properties"]["background"] = {
        "description": _FILES["background"],
        "anyOf": [{"type": "string", "maxLength": 100}, _BINARY],
    }
    return _operation(body, types)


def trimap_operation() -> dict[str, Any]:
    """Describe ``POST /v1/trimap``."""
    return _operation(
        _body(TrimapFields, ("image", "trimap", "mask"), []),
        ["image/png", "image/webp", "application/x-npy", "application/json"],
    )


def _body(fields: type[BaseModel], files: tuple[str, ...], required: list[str]) -> dict[str, Any]:
    properties = {name: _BINARY | {"description": _FILES[name]} for name in files}
    schema = {
        "type": "object",
        "properties": properties | fields.model_json_schema()["properties"],
        "required": required,
        "additionalProperties": False,
    }
    return {"required": True, "content": {"multipart/form-data": {"schema": schema}}}


def _operation(body: dict[str, Any], types: list[str]) -> dict[str, Any]:
    report = {
        "description": "The report as JSON: how the trimap was understood, and what was computed.",
        "schema": {"type": "string"},
    }
    success = {
        "description": "The answer is what was asked for.",
        "headers": {HEADER: report},
        "content": {media_type: {} for media_type in sorted(types)},
    }
    return {"requestBody": body, "responses": {"200": success}}
