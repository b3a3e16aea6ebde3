"""Checkpoints by their name on the Hugging Face hub: taken from the cache, or fetched into it."""

import re
from pathlib import Path

from numpy_vitmatte.checkpoint.hub_cache import find_cached
from numpy_vitmatte.checkpoint.layout import EVERYTHING
from numpy_vitmatte.errors import DownloadError

DEFAULT_REVISION = "main"

_PART = r"[A-Za-z0-9](?:[\w.-]*[A-Za-z0-9_])?"
_NAME = re.compile(rf"{_PART}/{_PART}", re.ASCII)
_REVISION = re.compile(r"[\w.-]+(?:/[\w.-]+)*", re.ASCII)


def is_hub_name(text: str) -> bool:
    """Whether a string can be ``owner/name`` on the hub."""
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


def hub_checkpoint(name: str, revision: str | None = None, needed: tuple[str, ...] = EVERYTHING) -> Path:
    """The directory of a checkpoint of the hub; what is not in the cache yet is downloaded.

    What the cache has is used without asking the hub; :func:`~numpy_vitmatte.checkpoint.hub_fetch.fetch` asks.

    Parameters
    ----------
    name : str
        ``owner/name``.
    revision : str, optional
        Branch, tag, commit, or ``refs/pr/N``; ``"main"`` by default.
    needed : tuple of str
        What the directory must hold.

    Raises
    ------
    DownloadError
        If it is not in the cache and cannot be downloaded.
    """
    revision = check_revision(revision)
    cached = find_cached(name, revision, needed)
    if cached is not None:
        return cached
    from numpy_vitmatte.checkpoint.hub_fetch import fetch  # the network's modules are imported when it is used

    return fetch(name, revision, needed)
