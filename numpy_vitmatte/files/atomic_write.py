"""A file appears whole or not at all: it is written in its folder under another name, then renamed.

A process that is killed meanwhile leaves the temporary file behind. While it lives it holds a lock on it, which ends
with the process: so :func:`remove_leftovers` can tell what was left from what is still being written. On some network
disks every machine gets the lock, so the name carries the machine, and others' files are left alone for a day.

Written here because the standard library has nothing of the kind, and the packages that had are not kept up.
"""

import contextlib
import errno
import hashlib
import os
import re
import secrets
import shutil
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows, where a file that another process has open cannot be removed anyway
    fcntl = None  # type: ignore[assignment]

_TEMPORARY = re.compile(r"\..*-([0-9a-f]{8})-[0-9a-f]{8}\.partial(\.[^.]*)?", re.DOTALL)
_LONGEST_STEM = 40
"""Characters of stem and suffix that the temporary name keeps: it may not be longer than a file system allows."""

_DAY = 86_400.0


def temporary_name(destination: Path) -> Path:
    """Give a hidden name in a file's or folder's own folder, with its suffix: no other process makes the same."""
    stem, suffix = destination.stem[:_LONGEST_STEM], destination.suffix[:_LONGEST_STEM]
    return destination.with_name(f".{stem}-{_this_machine()}-{secrets.token_hex(4)}.partial{suffix}")


def _this_machine() -> str:
    return hashlib.sha256(socket.gethostname().encode(errors="surrogateescape")).hexdigest()[:8]


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
    with temporary_beside(Path(destination)) as temporary:
        yield temporary
        temporary.replace(destination)


@contextmanager
def temporary_beside(destination: Path) -> Iterator[Path]:
    """Give a temporary path in the destination's folder, as :func:`atomic_path` does; what remains of it is removed."""
    begun: list[Path] = []
    lock = None
    try:
        temporary, lock = _new_locked_file(destination, begun)
        yield temporary
    finally:
        for path in begun:
            path.unlink(missing_ok=True)
        if lock is not None:
            os.close(lock)


def replace_together(places: Mapping[Path, Path]) -> None:
    """Give several whole files their names: all, or none.

    A process that is killed between two renamings leaves the first done; nothing can be done about that from here.

    Parameters
    ----------
    places : mapping of destination to temporary file
        Each file lies in its destination's folder.

    Raises
    ------
    OSError
        With the destination as its ``filename``. Those renamed before are undone: what had stood at their places stands
        there again.
    UndoError
        If that could not be done either.
    """
    asides: dict[Path, Path] = {}
    done: list[Path] = []
    try:
        for destination, temporary in places.items():
            if len(places) > 1 and os.path.lexists(destination) and not os.path.isdir(destination):
                asides[destination] = _kept_aside(destination)
            try:
                temporary.replace(destination)
            except OSError as error:
                raise OSError(error.errno, error.strerror, str(destination)) from error
            done.append(destination)
    except BaseException as error:
        _undo(done, asides, error)
        raise
    finally:
        for aside in asides.values():
            aside.unlink(missing_ok=True)


class UndoError(OSError):
    """Files that were to be renamed together are renamed in part."""


def _kept_aside(path: Path) -> Path:
    """Give a file a second name, so that it never lacks its own; a copy where the file system has no links."""
    aside, lock = _new_locked_file(path, [])
    if lock is not None:
        os.close(lock)
    aside.unlink()
    try:
        os.link(path, aside, follow_symlinks=False)
    except (OSError, NotImplementedError):
        shutil.copy2(path, aside, follow_symlinks=False)
    return aside


def _undo(done: list[Path], asides: dict[Path, Path], cause: BaseException) -> None:
    """Put back what stood at some places; what cannot be put back stays under its second name."""
    troubles = []
    for destination in done:
        try:
            if destination in asides:
                asides[destination].replace(destination)
            else:
                destination.unlink()
        except OSError as trouble:
            kept = asides.pop(destination, None)
            where = f"; what it was is {str(kept)!r}" if kept else ""
            troubles.append(f"{str(destination)!r} could not be put back ({trouble.strerror}{where})")
    if troubles:
        raise UndoError(errno.EIO, f"{cause}, and afterwards {', '.join(troubles)}") from cause


def remove_leftovers(folder: Path) -> int:
    """Remove temporary files that killed processes left in a folder; those still being written stay.

    Nobody can tell whether another machine still writes: its files go when they have not changed for a day.

    Returns
    -------
    int
        How many were removed.
    """
    matches = ((path, _TEMPORARY.fullmatch(path.name)) for path in folder.iterdir())
    return sum(_removed(path) for path, match in matches if match and (match[1] == _this_machine() or _is_old(path)))


def _is_old(path: Path) -> bool:
    try:
        return time.time() - path.stat().st_mtime > _DAY
    except OSError:  # gone meanwhile
        return False


def _new_locked_file(destination: Path, begun: list[Path]) -> tuple[Path, int | None]:
    """Make an empty file under a temporary name; give it and the descriptor of its lock, None where there are none.

    Its path is in `begun` before the file is there, so that whoever is interrupted meanwhile can remove it.
    """
    while True:
        temporary = temporary_name(destination)
        begun.append(temporary)
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
