"""Forms that arrive: few parts, in memory or in anonymous temporary files, gone when the request is answered."""

from dataclasses import dataclass
from typing import IO, Any, cast

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from numpy_vitmatte.serve.problems import Problem

SPOOL = 256 * 1024
"""Bytes of a file that are held in memory; a longer one lies in a temporary file without a name."""

_MAX_FIELDS = 24
_MAX_FIELD_BYTES = 8 * 1024


class _Parser(MultiPartParser):
    spool_max_size = SPOOL


@dataclass(frozen=True)
class Form:
    """A form, each name once.

    Attributes
    ----------
    texts : dict of str to str
    files : dict of str to binary file
    """

    texts: dict[str, str]
    files: dict[str, IO[bytes]]

    async def aclose(self) -> None:
        """Close the files, and so delete them."""
        for file in self.files.values():
            file.close()


async def receive_form(request: Request, file_names: frozenset[str]) -> Form:
    """Receive a form as it streams in.

    Parameters
    ----------
    request : starlette.requests.Request
    file_names : frozenset of str
        The parts that may be files.

    Returns
    -------
    Form
        To be closed.

    Raises
    ------
    Problem
        415: no multipart form. 400: a broken one, too many parts, or a part that is too long. 422: a name twice, or a
        file where none belongs.
    """
    content_type = request.headers.get("content-type", "")
    if content_type.partition(";")[0].strip().lower() != "multipart/form-data":
        found = f"content type is {content_type[:80]!r}" if content_type else "there is no content type"
        raise Problem(415, "unsupported_media_type", f"{found}; expected multipart/form-data")
    parser = _Parser(
        request.headers,
        request.stream(),
        max_files=len(file_names),
        max_fields=_MAX_FIELDS,
        max_part_size=_MAX_FIELD_BYTES,
    )
    try:
        received = await parser.parse()
    except MultiPartException as error:
        raise Problem(400, "bad_request", f"the form cannot be read: {error.message}") from error
    try:
        return _each_once(received.multi_items(), file_names)
    except Problem:
        await received.close()
        raise


def _each_once(items: list[tuple[str, Any]], file_names: frozenset[str]) -> Form:
    form = Form({}, {})
    for name, value in items:
        shown = name[:40]
        if name in form.texts or name in form.files:
            raise Problem(422, "duplicate_field", f"{shown!r} is given twice; give it once")
        if not isinstance(value, UploadFile):
            form.texts[name] = value
        elif name in file_names:
            form.files[name] = cast(IO[bytes], value.file)
        else:
            known = ", ".join(sorted(file_names))
            raise Problem(422, "unknown_field", f"{shown!r} is a file; files are: {known}")
    return form
