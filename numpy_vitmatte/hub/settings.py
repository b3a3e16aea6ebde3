"""How the environment asks for the hub to be used: the variables of huggingface_hub, read anew at every call.

Source: https://huggingface.co/docs/huggingface_hub/package_reference/environment_variables.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from numpy_vitmatte.errors import DownloadError

_PUBLIC_HUB = "https://huggingface.co"
_TRUE = ("1", "ON", "YES", "TRUE")
_SECONDS = 10.0  # huggingface_hub's default, for metadata as for a pause within a download


@dataclass(frozen=True)
class HubSettings:
    """Where the hub is and how it is spoken to.

    Attributes
    ----------
    endpoint : str
        Address without a slash at its end: ``HF_ENDPOINT``, or https://huggingface.co.
    token : str or None
        ``HF_TOKEN``, or what ``hf auth login`` has left in ``HF_TOKEN_PATH``.
    metadata_timeout, download_timeout : float
        Seconds that the hub may be silent: ``HF_HUB_ETAG_TIMEOUT``, ``HF_HUB_DOWNLOAD_TIMEOUT``.
    """

    endpoint: str
    token: str | None
    metadata_timeout: float
    download_timeout: float


def hub_settings() -> HubSettings:
    """The settings of this moment's environment.

    Raises
    ------
    DownloadError
        If ``HF_ENDPOINT`` is no web address or a timeout no number of seconds.
    """
    endpoint = os.environ.get("HF_ENDPOINT") or _PUBLIC_HUB
    try:
        parts = urlsplit(endpoint)
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        is_address = False
    if not is_address:
        raise DownloadError(f"HF_ENDPOINT is {endpoint!r}; expected an address such as {_PUBLIC_HUB}, or nothing")
    return HubSettings(
        endpoint.rstrip("/"), _token(), _seconds("HF_HUB_ETAG_TIMEOUT"), _seconds("HF_HUB_DOWNLOAD_TIMEOUT")
    )


def is_offline() -> bool:
    """Whether ``HF_HUB_OFFLINE`` (or ``TRANSFORMERS_OFFLINE``) forbids the network."""
    return _is_set("HF_HUB_OFFLINE") or _is_set("TRANSFORMERS_OFFLINE")


def shows_progress() -> bool:
    """Whether ``HF_HUB_DISABLE_PROGRESS_BARS`` leaves progress bars alone."""
    return not _is_set("HF_HUB_DISABLE_PROGRESS_BARS")


def cache_folder() -> Path:
    """Where checkpoints are kept: ``HF_HUB_CACHE``, ``HF_HOME``/hub, or ~/.cache/huggingface/hub."""
    named = os.environ.get("HF_HUB_CACHE") or os.environ.get("HUGGINGFACE_HUB_CACHE")
    return _path(named) if named else _home() / "hub"


def _home() -> Path:
    named = os.environ.get("HF_HOME")
    if named:
        return _path(named)
    return _path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "huggingface"


def _token() -> str | None:
    if _is_set("HF_HUB_DISABLE_IMPLICIT_TOKEN"):
        return None
    token = os.environ.get("HF_TOKEN") or os.environ.get("HUGGING_FACE_HUB_TOKEN") or ""
    if not token.strip():
        named = os.environ.get("HF_TOKEN_PATH")
        try:
            token = (_path(named) if named else _home() / "token").read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return None
    token = token.strip()
    if not token.isascii() or not token.isprintable():
        raise DownloadError("the hub's token (HF_TOKEN, or the file of HF_TOKEN_PATH) is not one line of ASCII text")
    return token or None


def _path(text: str) -> Path:
    return Path(os.path.expandvars(os.path.expanduser(text)))


def _is_set(variable: str) -> bool:
    return os.environ.get(variable, "").upper() in _TRUE


def _seconds(variable: str) -> float:
    text = os.environ.get(variable) or str(_SECONDS)
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < 1e6:
        raise DownloadError(f"{variable} is {text!r}; expected a number of seconds above 0")
    return seconds
