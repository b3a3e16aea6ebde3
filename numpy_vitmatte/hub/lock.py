"""One process at a time: a lock on a file, which the operating system lifts when its holder ends, however it ends."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]


@contextmanager
def exclusive_lock(path: Path) -> Iterator[bool]:
    """Wait until no other process holds the lock, then hold it.

    It is the lock that huggingface_hub takes on the same path, so that both may download the same file at once.

    Parameters
    ----------
    path : Path
        A file to lock, made if need be; it stays.

    Yields
    ------
    bool
        False where the file system or the platform has no locks: then nobody is kept out.

    Raises
    ------
    OSError
        If the file cannot be made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        yield _acquire(handle)
    finally:
        os.close(handle)  # which unlocks


def _acquire(handle: int) -> bool:
    if fcntl is None:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
    except OSError:
        return False
    return True
