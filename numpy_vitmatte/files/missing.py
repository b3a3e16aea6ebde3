"""The message about a file or folder that is missing."""

import os
import re

_URL = re.compile(r"(?:https?|ftps?|s3|gs|data|file):/", re.IGNORECASE)
"""One slash: ``pathlib`` leaves no more of the two."""


def no_such(path: str | os.PathLike[str], kind: str = "file") -> str:
    """Say that a file or folder is missing, and of a URL that it is not fetched."""
    if is_url(path):
        return "URLs are not fetched; download it first and give the name of the file"
    return f"no such {kind}"


def is_url(path: str | os.PathLike[str]) -> bool:
    """Say whether a path is really a URL."""
    return _URL.match(os.fsdecode(path)) is not None
