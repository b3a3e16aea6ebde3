"""``-`` on the command line: an image from standard input, a result to standard output."""

import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from numpy_vitmatte.errors import VitMatteError
from numpy_vitmatte.images.formats import open_listed
from numpy_vitmatte.images.npy_files import NPY_MAGIC, read_npy
from numpy_vitmatte.images.reading import ImageSource
from numpy_vitmatte.images.writing import Writer

STANDARD_STREAM = "-"


def is_stream(path: object) -> bool:
    """Say whether an argument means standard input or output."""
    return str(path) == STANDARD_STREAM


def only_one_stream(paths: Sequence[object], what: str) -> None:
    """Refuse ``-`` for more than one of several inputs, or outputs.

    Raises
    ------
    VitMatteError
    """
    if sum(map(is_stream, paths)) > 1:
        raise VitMatteError(f"more than one {what} is '-'; a stream carries one image")


def not_an_input(output: Path, sources: Sequence[Path]) -> None:
    """Refuse to write to a file that is read.

    Raises
    ------
    VitMatteError
    """
    for source in sources:
        if os.path.exists(output) and os.path.exists(source) and os.path.samefile(output, source):
            raise VitMatteError(f"output {str(output)!r} is an input as well; choose another name")


def read_source(path: str | Path, what: str) -> ImageSource:
    """Return a path as it is, and for ``-`` the image that standard input holds.

    Raises
    ------
    ImageError
        Standard input is empty or holds no image.
    """
    if not is_stream(path):
        return path
    content, name = sys.stdin.buffer.read(), f"{what} on standard input"
    if content.startswith(NPY_MAGIC):
        return read_npy(io.BytesIO(content), name)
    return open_listed(io.BytesIO(content), name)


def write_stream(write: Writer) -> None:
    """Write one complete result to standard output."""
    content = io.BytesIO()  # encoders seek, a pipe cannot
    write(content)
    sys.stdout.buffer.write(content.getvalue())
    sys.stdout.buffer.flush()
