"""A file appears whole or not at all: it is written beside its place under another name, then renamed."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


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
    # Not tempfile.mkstemp: its files are private to their owner, and would stay so under the destination's name.
    temporary = destination.with_name(f".{destination.stem}-{secrets.token_hex(4)}{destination.suffix}")
    temporary.touch(exist_ok=False)
    try:
        yield temporary
        temporary.replace(destination)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
