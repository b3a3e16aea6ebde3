"""One kind of bad input."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple


class BadInput(NamedTuple):
    """A command that is refused.

    Attributes
    ----------
    kind : str
        What is wrong, in a few words; unique over all tables.
    command : str
        The arguments, separated by spaces. They run in a folder with ``photo.png``, ``trimap.png`` and ``checkpoint``,
        which are sound and belong together.
    message : str
        What the one line on stderr says, from its first word on or a telling part of it.
    prepare : callable, optional
        Makes the bad input in the folder it is given.
    """

    kind: str
    command: str
    message: str
    prepare: Callable[[Path], object] | None = None


def content(name: str, data: bytes) -> Callable[[Path], object]:
    """Write a file; folders on the way are made."""

    def prepare(folder: Path) -> None:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)

    return prepare


def loop(name: str) -> Callable[[Path], object]:
    """Put a symbolic link that leads to itself in the place of a file."""

    def prepare(folder: Path) -> None:
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(name.rpartition("/")[2])

    return prepare


def directory(name: str) -> Callable[[Path], object]:
    """Put a folder in the place of a file."""

    def prepare(folder: Path) -> None:
        (folder / name).unlink(missing_ok=True)
        (folder / name).mkdir()

    return prepare
