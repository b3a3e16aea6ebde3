"""The rules for names and revisions of checkpoints on the Hugging Face hub."""

import re

from numpy_vitmatte.errors import DownloadError

DEFAULT_REVISION = "main"

_PART = r"[A-Za-z0-9](?:[\w.-]*[A-Za-z0-9_])?"
_NAME = re.compile(rf"{_PART}/{_PART}", re.ASCII)
_REVISION = re.compile(r"[\w.-]+(?:/[\w.-]+)*", re.ASCII)


def is_hub_name(text: str) -> bool:
    """Say whether a string can be ``owner/name`` on the hub."""
    return bool(_NAME.fullmatch(text)) and len(text) <= 96 and "--" not in text and ".." not in text


def check_revision(revision: str | None) -> str:
    """Give a revision back if it can be one, and ``"main"`` for None.

    Raises
    ------
    DownloadError
        If it cannot.
    """
    if revision is None:
        return DEFAULT_REVISION
    if not isinstance(revision, str) or not _REVISION.fullmatch(revision) or ".." in revision:
        raise DownloadError(
            f"revision {revision!r} is none: expected a branch, a tag, a commit, or a pull request such as 'refs/pr/3'"
        )
    return revision
