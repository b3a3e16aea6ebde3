"""The keywords of ``from_pretrained`` that say where files come from, under the names of transformers."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypedDict

from numpy_vitmatte.errors import CheckpointError, shown
from numpy_vitmatte.hub import settings

_WITHOUT_MEANING = (
    "low_cpu_mem_usage",
    "offload_folder",
    "offload_state_dict",
    "resume_download",
    "trust_remote_code",
    "use_fast",
    "use_safetensors",
    "weights_only",
)
"""Keywords that choose among ways of transformers which do not exist here; the result is the same."""


_OFF = (
    "from_flax",
    "from_tf",
    "gguf_file",
    "ignore_mismatched_sizes",
    "mirror",
    "output_loading_info",
    "proxies",
    "return_unused_kwargs",
    "variant",
)
"""Keywords of what is not done here. They are refused unless their value says that it is not wanted."""


class HubOptions(TypedDict, total=False):
    """Keywords of every ``from_pretrained``; None stands for the default.

    Attributes
    ----------
    local_files_only : bool
        Never ask the hub: what is not in the cache is an error. Default False.
    cache_dir : str or path
        The folder of downloaded checkpoints, in place of the one that the environment says.
    token : str or bool
        Sent to the hub. True is the one that was stored by ``hf auth login``, which is also the default.
    use_auth_token : str or bool
        Older name of `token`, which wins where both are given.
    force_download : bool
        Ask the hub what the revision is now, and fetch what is missing or damaged. Default False.
    subfolder : str
        Folder inside a directory. Of the hub's repositories only the top is read.
    low_cpu_mem_usage, resume_download, trust_remote_code, use_fast, use_safetensors, weights_only
        Taken and ignored.
    """

    local_files_only: bool | None
    cache_dir: str | os.PathLike[str] | None
    token: str | bool | None
    use_auth_token: str | bool | None
    force_download: bool | None
    subfolder: str | None
    low_cpu_mem_usage: object
    resume_download: object
    trust_remote_code: object
    use_fast: object
    use_safetensors: object
    weights_only: object


@dataclass(frozen=True)
class HubSource:
    """The source of a checkpoint's files.

    Attributes
    ----------
    revision : str or None
        Branch, tag, commit or ``refs/pr/N`` of the hub's repository.
    local_files_only, force_download : bool
    cache_dir : Path or None
    token : str, bool or None
    subfolder : str
    """

    revision: str | None = None
    local_files_only: bool = False
    force_download: bool = False
    cache_dir: Path | None = None
    token: str | bool | None = field(default=None, repr=False)
    subfolder: str = ""

    @property
    def cache_folder(self) -> Path:
        """The folder of downloaded checkpoints."""
        return self.cache_dir or settings.cache_folder()


def split_options(options: Mapping[str, Any], revision: str | None = None) -> tuple[HubSource, dict[str, Any]]:
    """Divide the keywords of a ``from_pretrained`` into the source of the files and all others that are not None.

    Raises
    ------
    CheckpointError
        If one of the source's has a value that it cannot have.
    """
    given = {name: value for name, value in options.items() if value is not None and name not in _WITHOUT_MEANING}
    given = {name: value for name, value in given.items() if value or name not in _OFF}
    older = given.pop("use_auth_token", None)
    if revision is not None and not isinstance(revision, str):
        raise CheckpointError(f"revision must be a string, found a {type(revision).__name__}")
    values = {name: given.pop(name) for name in list(given) if name in _KINDS}
    if older is not None:
        values.setdefault("token", older)
    for name, value in values.items():
        kinds, expected = _KINDS[name]
        if not isinstance(value, kinds):
            raise CheckpointError(f"{name} must be {expected}, found a {type(value).__name__}")
    if values.get("cache_dir") is not None:
        values["cache_dir"] = Path(values["cache_dir"]).expanduser()
    token, folder = values.get("token"), values.get("subfolder", "")
    if isinstance(token, str) and not (token.isascii() and token.isprintable() and " " not in token):
        raise CheckpointError("token holds a space or another character that no token has: copy it again")
    if Path(folder).is_absolute() or ".." in Path(folder).parts:
        raise CheckpointError(f"subfolder must lie inside the directory, found {shown(folder)}")
    return HubSource(revision, **values), given


_KINDS: dict[str, tuple[tuple[type, ...], str]] = {
    "local_files_only": ((bool,), "true or false"),
    "force_download": ((bool,), "true or false"),
    "cache_dir": ((str, os.PathLike), "the path of a folder"),
    "token": ((str, bool), "a string or true or false"),
    "subfolder": ((str,), "the name of a folder"),
}
