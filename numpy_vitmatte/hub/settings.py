"""The environment says where the hub and its cache are: huggingface_hub's variables that are needed without it, too.

They are read at every call. The others (tokens, timeouts, progress bars) are left to huggingface_hub, which reads them
when it is imported. Source: https://huggingface.co/docs/huggingface_hub/package_reference/environment_variables.
"""

import os
from pathlib import Path

_PUBLIC_HUB = "https://huggingface.co"
_TRUE = ("1", "ON", "YES", "TRUE")


def endpoint() -> str:
    """Give the address of the hub, without a slash at its end: ``HF_ENDPOINT``, or https://huggingface.co."""
    return (os.environ.get("HF_ENDPOINT") or _PUBLIC_HUB).rstrip("/")


def is_offline() -> bool:
    """Say whether ``HF_HUB_OFFLINE`` (or ``TRANSFORMERS_OFFLINE``) forbids the network."""
    return any(os.environ.get(name, "").upper() in _TRUE for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"))


def cache_folder() -> Path:
    """Give the folder of checkpoints: ``HF_HUB_CACHE``, ``HF_HOME``/hub, or ~/.cache/huggingface/hub."""
    named = os.environ.get("HF_HUB_CACHE") or os.environ.get("HUGGINGFACE_HUB_CACHE")
    if named:
        return _path(named)
    home = os.environ.get("HF_HOME")
    if home:
        return _path(home) / "hub"
    return _path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "huggingface" / "hub"


def _path(text: str) -> Path:
    return Path(os.path.expandvars(os.path.expanduser(text)))
