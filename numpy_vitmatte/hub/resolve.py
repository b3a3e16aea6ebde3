"""Find a checkpoint: by the name of a bundled one, by its directory, or by its name on the Hugging Face hub."""

import os
from pathlib import Path

from numpy_vitmatte.errors import CheckpointError
from numpy_vitmatte.files.missing import is_url
from numpy_vitmatte.hub.cache import find_cached
from numpy_vitmatte.hub.fetch import fetch
from numpy_vitmatte.hub.file_names import EVERYTHING
from numpy_vitmatte.hub.names import check_revision, is_hub_name
from numpy_vitmatte.hub.options import HubSource

_PACKAGE = Path(__file__).resolve().parents[1]


def _weight_folders() -> list[Path]:
    """List folders that may hold bundled checkpoints: in an installed package, or next to it in a checkout."""
    folders = [_PACKAGE / "weights"]
    # Next to an installed package lie other people's packages, one of which may be called "weights".
    if (_PACKAGE.parent / "pyproject.toml").is_file():
        folders.append(_PACKAGE.parent / "weights")
    return folders


def bundled_checkpoints() -> dict[str, Path]:
    """List the checkpoints that came with the package: name -> directory, in alphabetical order."""
    found: dict[str, Path] = {}
    for folder in _weight_folders():
        for config_file in folder.glob("*/config.json"):
            found.setdefault(config_file.parent.name, config_file.parent)
    return dict(sorted(found.items()))


def checkpoint_directory(
    name_or_path: str | os.PathLike[str],
    source: HubSource | str | None = None,
    needed: tuple[str, ...] = EVERYTHING,
) -> Path:
    """Find the directory of a checkpoint; one of the hub is downloaded if the cache does not have it.

    Parameters
    ----------
    name_or_path : str or path-like
        The name of a bundled checkpoint (:func:`bundled_checkpoints`), a directory that holds ``config.json`` and
        ``model.safetensors``, or a string ``"owner/name"``: a repository of the Hugging Face hub. The first of these
        that exists counts. A string that is a bundled name means the bundled checkpoint whatever the working
        directory holds; for a directory of that name write ``"./name"`` or give a :class:`pathlib.Path`, which never
        means the hub.
    source : HubSource or str, optional
        How the hub is asked, or just the revision: branch, tag, commit, or ``"refs/pr/N"``; by default ``"main"``.
    needed : tuple of str
        The files that must be there, as far as the hub is concerned: a configuration is not worth a download of
        weights.

    Returns
    -------
    pathlib.Path
        An existing directory.

    Raises
    ------
    CheckpointError
        If there is no such checkpoint, or a revision other than ``"main"`` is given for one that is not of the hub.
    DownloadError
        If it is the hub's and cannot be downloaded.
    """
    directory = _local_directory(name_or_path)
    source = source if isinstance(source, HubSource) else HubSource(source)
    if directory is None and isinstance(name_or_path, str) and is_hub_name(name_or_path):
        return _hub_checkpoint(name_or_path, source, needed)
    if directory is None and is_url(name_or_path):
        raise CheckpointError(f"{str(name_or_path)!r} is a URL, which is not fetched; give a directory, or owner/name")
    if directory is None:
        names = ", ".join(bundled_checkpoints()) or "none"
        raise CheckpointError(
            f"{str(name_or_path)!r} is neither a bundled checkpoint (bundled: {names}) nor a directory, nor can it be "
            "a name on the Hugging Face hub, such as 'hustvl/vitmatte-small-composition-1k'"
        )
    if source.revision not in (None, "main"):
        raise CheckpointError(
            f"revision {source.revision!r} makes no sense for {directory}, which is not from the hub: leave it out"
        )
    if not (directory / source.subfolder).is_dir():
        raise CheckpointError(f"{directory} has no folder {source.subfolder!r}")
    return directory / source.subfolder


def _local_directory(name_or_path: str | os.PathLike[str]) -> Path | None:
    """Find the bundled checkpoint of that name, or the directory, if there is one."""
    bundled = bundled_checkpoints()
    if isinstance(name_or_path, str) and name_or_path in bundled:
        return bundled[name_or_path]
    try:
        path = Path(name_or_path).expanduser()
        # Path("") is the working directory, which nobody means by an empty name.
        if path.is_dir() and name_or_path != "":
            return path
        is_file = path.is_file()
    except (TypeError, ValueError, RuntimeError, OSError) as error:
        raise CheckpointError(f"{name_or_path!r} is no name or path of a checkpoint: {error}") from None
    if is_file:
        raise CheckpointError(f"{path} is a file; a checkpoint is given by the directory that holds it")
    return None


def _hub_checkpoint(name: str, source: HubSource, needed: tuple[str, ...]) -> Path:
    """Find the directory of a checkpoint of the hub; what is not in the cache yet is downloaded.

    The hub is not asked for what the cache has, unless the source forces it; :func:`~numpy_vitmatte.hub.fetch.fetch`
    asks.

    Raises
    ------
    DownloadError
        If it is not in the cache and cannot be downloaded.
    """
    if source.subfolder:
        raise CheckpointError(
            f"subfolder {source.subfolder!r} makes no sense for {name!r}: of the hub's repositories only the top is "
            "read; download it with 'hf download' and give its directory"
        )
    revision = check_revision(source.revision)
    cached = find_cached(name, revision, needed, source.cache_folder)
    if cached is not None and not source.force_download:
        return cached
    return fetch(name, source, needed, recheck=source.force_download)
