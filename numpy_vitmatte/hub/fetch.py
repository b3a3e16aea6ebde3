"""Fetching a checkpoint from the Hugging Face hub into the cache: which files, on which terms, of which commit."""

import logging
from dataclasses import replace
from pathlib import Path

from numpy_vitmatte.errors import DownloadError
from numpy_vitmatte.hub.cache import CachedRepository, cached_repository, missing_files
from numpy_vitmatte.hub.checksum import checksum_like
from numpy_vitmatte.hub.client import Client, EntryNotFound, RemoteFile
from numpy_vitmatte.hub.file_names import (
    CONFIG_FILE,
    EVERYTHING,
    INDEX_FILE,
    PICKLE_FILE,
    PREPROCESSOR_FILE,
    WEIGHTS,
    WEIGHTS_FILE,
    read_weight_map,
)
from numpy_vitmatte.hub.names import check_revision
from numpy_vitmatte.hub.options import HubSource
from numpy_vitmatte.hub.published import terms
from numpy_vitmatte.hub.settings import endpoint, is_offline

logger = logging.getLogger("numpy_vitmatte")


def fetch(
    name: str,
    source: HubSource | str | None = None,
    needed: tuple[str, ...] = EVERYTHING,
    recheck: bool = False,
) -> Path:
    """Ask the hub what a revision is now, and download what the cache lacks of it.

    Before weights are downloaded, a warning of the ``numpy_vitmatte`` logger tells the terms of their data. All files
    come from one commit, which becomes visible under its revision when all are there and checked.

    Parameters
    ----------
    name, source, needed
        See :func:`~numpy_vitmatte.hub.resolve.checkpoint_directory`.
    recheck : bool
        Also read the files that are there, and fetch the damaged ones again.

    Returns
    -------
    Path
        The snapshot's directory.

    Raises
    ------
    DownloadError
        If ``HF_HUB_OFFLINE`` or the source forbids the network, huggingface_hub is not installed, the hub cannot be
        reached, knows no such checkpoint or refuses, what arrives is damaged, or the cache cannot be written.
    """
    source = source if isinstance(source, HubSource) else HubSource(source)
    revision = check_revision(source.revision)
    if source.local_files_only or is_offline():
        raise DownloadError(_offline_message(name, revision, needed, source))
    client = Client(name, replace(source, revision=revision))
    cache = cached_repository(name, source.cache_folder)
    files = _wanted_files(client, cache, needed)
    missing = [file for file in files if not _is_there(cache, file, recheck)]
    _announce(name, missing, source.cache_folder)
    for file in missing:
        client.download(file, anew=(cache.snapshot(file.commit) / file.name).is_file())
    try:
        cache.set_commit(revision, files[0].commit)
    except OSError as error:
        raise DownloadError(f"the cache {cache.folder} cannot be written: {error.strerror or error}") from error
    return cache.snapshot(files[0].commit)


def _wanted_files(client: Client, cache: CachedRepository, needed: tuple[str, ...]) -> list[RemoteFile]:
    """Describe the needed files that the hub has, all of the commit that the first of them names.

    A model may lack the settings of its processor, as one that ``model.save_pretrained`` alone has written.
    """
    small = [file for file in needed if file not in (WEIGHTS, PREPROCESSOR_FILE)]
    first = client.describe((small or [CONFIG_FILE])[0])
    files = [first, *(client.describe(file, first.commit) for file in small[1:])]
    if PREPROCESSOR_FILE in needed or WEIGHTS in needed:
        processor = _if_there(client, PREPROCESSOR_FILE, first.commit)
        if not processor:
            cache.set_absent(first.commit, PREPROCESSOR_FILE)
        files += processor
    if WEIGHTS in needed:
        files += _weights(client, first.commit)
    return files


def _weights(client: Client, commit: str) -> list[RemoteFile]:
    """Choose safetensors in one file, else in shards, else PyTorch's pickle."""
    whole = _if_there(client, WEIGHTS_FILE, commit)
    if whole:
        return whole
    for index in _if_there(client, INDEX_FILE, commit):
        shards = sorted(set(read_weight_map(client.download(index)).values()))
        return [index, *(client.describe(shard, commit) for shard in shards)]
    pickle = _if_there(client, PICKLE_FILE, commit)
    if pickle:
        return pickle
    raise DownloadError(
        f"{client.repository!r} has no weights at revision {client.revision!r}: neither {WEIGHTS_FILE}, {INDEX_FILE} "
        f"nor {PICKLE_FILE}"
    )


def _if_there(client: Client, file: str, commit: str) -> list[RemoteFile]:
    try:
        return [client.describe(file, commit)]
    except EntryNotFound:
        return []


def _is_there(cache: CachedRepository, file: RemoteFile, recheck: bool) -> bool:
    path = cache.snapshot(file.commit) / file.name
    if not path.is_file() or not recheck:
        return path.is_file()
    try:
        is_sound = checksum_like(path, file.checksum) == file.checksum
    except OSError as error:
        raise DownloadError(f"{path} cannot be read: {error.strerror or error}") from error
    if not is_sound:
        logger.warning("%s is damaged and is fetched again", file.name)
    return is_sound


def _announce(name: str, missing: list[RemoteFile], folder: Path) -> None:
    """Say what will be downloaded, and on which terms."""
    if any(file.name.endswith((".safetensors", ".bin")) for file in missing):
        megabytes = sum(file.size or 0 for file in missing) / 1e6
        logger.warning("downloading %s (%.1f MB) to %s", name, megabytes, folder)
        logger.warning("terms: %s", terms(name, endpoint()))


def _offline_message(name: str, revision: str, needed: tuple[str, ...], source: HubSource) -> str:
    cache = cached_repository(name, source.cache_folder)
    commit = cache.commit(revision)
    lacking = "" if commit is None else ", ".join(missing_files(cache.snapshot(commit), needed))
    absent = f"{lacking} is not" if lacking else "nothing of it is"
    reason, cure = ("local_files_only", "leave it out") if source.local_files_only else ("HF_HUB_OFFLINE", "unset it")
    return (
        f"{reason} forbids the network, and {absent} in the cache {source.cache_folder} for {name!r}, revision "
        f"{revision!r}: {cure}, or run 'numpy-vitmatte download {name}' where there is a network and copy the cache"
    )
