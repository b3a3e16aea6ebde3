"""Standard streams that take any text, and that may be closed, full, or gone."""

import codecs
import contextlib
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

_HANDLER = "numpy_vitmatte.any_name"


def _any_name(error: UnicodeError) -> tuple[str | bytes, int]:
    """Write the bytes of a file's name that is no UTF-8 as they are, and spell out what the encoding does not have."""
    if isinstance(error, UnicodeEncodeError):
        found = error.object[error.start : error.end]
        with contextlib.suppress(UnicodeEncodeError):
            return found.encode("ascii", "surrogateescape"), error.end
    return codecs.backslashreplace_errors(error)


codecs.register_error(_HANDLER, _any_name)


@contextmanager
def any_name_printable() -> Iterator[None]:
    """Let the block print every file's name, byte for byte, and treat closed streams as empty ones."""
    with contextlib.ExitStack() as restored:
        for name in ("stdin", "stdout", "stderr"):
            if getattr(sys, name) is None:  # closed by whoever started the process
                null = restored.enter_context(open(os.devnull, "r" if name == "stdin" else "w", encoding="utf-8"))
                setattr(sys, name, null)
                restored.callback(setattr, sys, name, None)
        if isinstance(sys.stdout, io.TextIOWrapper):
            restored.callback(_set_errors, sys.stdout, sys.stdout.errors or "strict")
            _set_errors(sys.stdout, _HANDLER)
        yield


def _set_errors(stream: io.TextIOWrapper, errors: str) -> None:
    with contextlib.suppress(OSError, ValueError):  # it flushes, on a full disk too, and may be closed by now
        stream.reconfigure(errors=errors)


def discard_output(stream: TextIO) -> None:
    """Send what is still to come to nowhere: Python would complain once more when it flushes the stream at exit."""
    with contextlib.suppress(OSError, ValueError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)


def flush_messages() -> None:
    """Flush standard error; what cannot be written is lost, and does not change the exit status."""
    try:
        sys.stderr.flush()
    except (OSError, ValueError):
        discard_output(sys.stderr)
