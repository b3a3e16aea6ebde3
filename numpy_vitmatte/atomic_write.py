"""A file appears whole or not at all: it is written beside its place under another name, then renamed.

A process that is killed meanwhile leaves the temporary file behind. While it lives it holds a lock on it, which ends
with the process: so :func:`remove_leftovers` can tell what was left from what is still being written.
"""

import contextlib
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows, where a file that another process has open cannot be removed anyway
    fcntl = None  # type: ignore[assignment]

_TEMPORARY = re.compile(r"\..*-[0-9a-f]{8}\.partial(\.[^.]*)?", re.DOTALL)
_LONGEST_STEM = 40
"""Characters of a stem that the temporary name keeps: it may not be longer than a file system allows."""


@contextmanager
def atomic_path(destination: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary path in the destination's folder; on a normal exit it takes the destination's name.

    When the block raises, the temporary file is removed and whatever stood at the destination stays as it was.

    Parameters
    ----------
    destination : str or path-like
        The file to write. Its folder must exist.

    Yields
    ------
    pathlib.Path
        An empty file to write to, with the destination's suffix (image writers choose the format by it).

    Raises
    ------
    OSError
        If the folder does not exist or cannot be written to, or the destination is a directory.
    """
    destination = Path(destination)
    temporary, lock = _new_locked_file(destination)
    try:
        yield temporary
        temporary.replace(destination)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    finally:
        if lock is not None:
            os.close(lock)


def remove_leftovers(folder: Path) -> int:
    """Remove temporary files that killed processes left in a folder; those still being written stay.

    Returns
    -------
    int
        How many were removed.
    """
    return sum(_removed(path) for path in folder.iterdir() if _TEMPORARY.fullmatch(path.name))


def _new_locked_file(destination: Path) -> tuple[Path, int | None]:
    """An empty file beside the destination and the descriptor that holds its lock, None where there are no locks."""
    while True:
        name = f".{destination.stem[:_LONGEST_STEM]}-{secrets.token_hex(4)}.partial{destination.suffix}"
        temporary = destination.with_name(name)
        # Not tempfile.mkstemp: its files are private to their owner, and would stay so under the destination's name.
        descriptor = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o666)
        if fcntl is None:
            os.close(descriptor)
            return temporary, None
        with contextlib.suppress(OSError):  # a file system without locks
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.fstat(descriptor).st_nlink:
            return temporary, descriptor
        os.close(descriptor)  # before it was locked somebody took it for a leftover: take another


def _removed(path: Path) -> bool:
    """Remove a file unless another process has locked it."""
    try:
        if fcntl is None:
            path.unlink()
            return True
        lock = os.open(path, os.O_RDWR)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()
            return True
        finally:
            os.close(lock)
    except OSError:  # locked, gone meanwhile, or on a file system that cannot say
        return False
