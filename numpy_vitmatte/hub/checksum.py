"""The checksums by which the hub names files, and whether a file has the one that it should have."""

import hashlib
import re
from pathlib import Path

_SHA256 = re.compile(r"[0-9a-f]{64}")
_GIT_BLOB = re.compile(r"[0-9a-f]{40}")


def is_checksum(text: str) -> bool:
    """Say whether it is one of the two checksums that the hub gives.

    Large files (Git LFS) have their SHA-256, 64 hexadecimal digits; small ones have git's name of their content, the
    SHA-1 of the word ``blob``, its size, a zero byte and the content, 40 digits.
    """
    return bool(_SHA256.fullmatch(text) or _GIT_BLOB.fullmatch(text))


def checksum_kind(checksum: str) -> str:
    """Name its kind for a message: ``sha256`` or ``git sha1``."""
    return "sha256" if _SHA256.fullmatch(checksum) else "git sha1"


def checksum_like(path: Path, checksum: str) -> str:
    """Return the checksum of a file, of the same kind as another one.

    Raises
    ------
    OSError
        If the file cannot be read.
    """
    with path.open("rb") as file:
        if _SHA256.fullmatch(checksum):
            return hashlib.file_digest(file, "sha256").hexdigest()
        size = path.stat().st_size
        return hashlib.file_digest(file, lambda: hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)).hexdigest()
