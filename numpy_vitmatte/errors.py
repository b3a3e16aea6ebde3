"""The package's own errors and warnings: each message says what was found, what was expected and what to do.

Messages quote file names, tensor names and servers, which may hold anything. What a terminal would obey is spelled out.
"""

import re
import reprlib
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_LINE_BREAKS = re.compile(r"[\n\r\v\f\t\x1c-\x1f\x85\u2028\u2029]+")
_LONGEST_MESSAGE = 2000
_SHORT = reprlib.Repr()
_SHORT.maxlevel, _SHORT.maxtuple, _SHORT.maxlist, _SHORT.maxdict = 4, 20, 20, 20
_SHORT.maxstring, _SHORT.maxlong, _SHORT.maxother = 200, 40, 200


def one_line(message: object) -> str:
    """Bring a message, or what an exception says, to one line that a terminal shows and does not obey.

    Line breaks become spaces, control characters their escapes. An exception that says nothing is named. It takes time
    in proportion to the message's length.
    """
    line = " ".join(filter(None, (part.strip() for part in _LINE_BREAKS.split(str(message)))))
    if not line and isinstance(message, BaseException):
        line = type(message).__name__
    if line.isprintable():
        return line
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode("ascii") for each in line)


def shown(value: object) -> str:
    """Give the ``repr`` of a value, cut where it is long, for a message."""
    try:
        return _SHORT.repr(value)
    except (ValueError, RecursionError):  # Python does not write integers of thousands of digits
        return f"a {type(value).__name__} too long to show"


_collected: ContextVar[list[str] | None] = ContextVar("collected_warnings", default=None)


def warn(message: str, stacklevel: int = 1) -> None:
    """Issue a UserWarning, or give it to the :func:`collected_warnings` of this thread or task.

    Parameters
    ----------
    message : str
    stacklevel : int
        See :func:`warnings.warn`: 1 names the line that calls this function.
    """
    collected = _collected.get()
    if collected is None:
        warnings.warn(message, UserWarning, stacklevel=stacklevel + 1)
    elif message not in collected:
        collected.append(message)


@contextmanager
def collected_warnings() -> Iterator[list[str]]:
    """Collect this package's warnings of the block's own thread or task, and of the threads that work for it.

    ``warnings.catch_warnings`` would change the filters of all threads.

    Yields
    ------
    list of str
        It grows while the block runs; each message stands in it once.
    """
    collected: list[str] = []
    before = _collected.set(collected)
    try:
        yield collected
    finally:
        _collected.reset(before)


class VitMatteError(ValueError):
    """Root of every error that this package raises on purpose.

    Input that cannot be used (a file that is no image, a trimap of another size, a checkpoint with a tensor missing)
    raises this class or a subclass, so that ``except VitMatteError`` is all a caller needs. The command line prints
    the message on one line and exits with status 2.

    Parameters
    ----------
    message : str
        Kept as :func:`one_line` gives it, cut at 2000 characters.
    """

    def __init__(self, message: str = "") -> None:
        line = one_line(message)
        super().__init__(line if len(line) <= _LONGEST_MESSAGE else line[:_LONGEST_MESSAGE] + "...")


class ConfigurationError(VitMatteError):
    """A ``config.json`` (or a configuration object) that describes a network this package does not compute."""


class CheckpointError(VitMatteError):
    """Weights that are missing, misshapen, truncated, not finite, or do not belong to their configuration."""


class DownloadError(CheckpointError):
    """A checkpoint of the Hugging Face hub that could not be fetched: no network, no such name, a broken file."""


class ImageError(VitMatteError):
    """A photo or trimap that cannot be read or does not fit the other."""


class MemoryLimitError(VitMatteError):
    """A job that takes more memory than its ``max_memory`` allows; it is raised before anything large is read."""
