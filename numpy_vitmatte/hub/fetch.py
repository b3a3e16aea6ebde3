"""Fetching a checkpoint from the Hugging Face hub into the cache: which files, on which terms, of which commit.

Written with the standard library. huggingface_hub does nearly the same, but does not compare checksums of what arrives
over HTTP (its issue 2364), starts a killed download anew, and brings some ten packages.
"""

import logging
from collections.abc import Iterator
from pathlib import Path

from numpy_vitmatte.errors import DownloadError
from numpy_vitmatte.hub.cache import CachedRepository, cached_repository, missing_files
from numpy_vitmatte.hub.checksum import checksum_like
from numpy_vitmatte.hub.download import download
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
from numpy_vitmatte.hub.published import terms
from numpy_vitmatte.hub.requests import EntryNotFound, Hub, RemoteFile
from numpy_vitmatte.hub.settings import cache_folder, hub_settings, is_offline

logger = logging.getLogger("numpy_vitmatte")


def fetch(name: str, revision: str | None = None, needed: tuple[str, ...] = EVERYTHING, recheck: bool = False) -> Path:
    """Ask the hub what a revision is now, and download what the cache lacks of it.

    Before weights are downloaded, a warning of the ``numpy_vitmatte`` logger tells the terms of their data.

    Parameters
    ----------
    name, revision, needed
        As in :func:`~numpy_vitmatte.hub.names.hub_checkpoint`.
    recheck : bool
        Also read the files that are there, and fetch the damaged ones again.

    Returns
    -------
    Path
        The snapshot's directory.

    Raises
    ------
    DownloadError
        If ``HF_HUB_OFFLINE`` forbids the network, the hub cannot be reached, knows no such checkpoint or refuses, what
        arrives is damaged, or the cache cannot be written.
    """
    revision = check_revision(revision)
    if is_offline():
        raise DownloadError(_offline_message(name, revision, needed))
    return _Fetching(name, revision, recheck).run(needed)


class _Fetching:
    """One fetch: the files come from one commit, and become visible under its revision when all are there."""

    def __init__(self, name: str, revision: str, recheck: bool) -> None:
        self.name = name
        self.revision = revision
        self.recheck = recheck
        self.hub = Hub(hub_settings())
        self.cache: CachedRepository = cached_repository(name)

    def run(self, needed: tuple[str, ...]) -> Path:
        small = [file for file in needed if file != WEIGHTS]
        first = self.hub.describe(self.name, self.revision, (small or [CONFIG_FILE])[0])
        commit = first.commit
        files = [first, *(self.hub.describe(self.name, commit, file) for file in small[1:])]
        if WEIGHTS in needed:
            if PREPROCESSOR_FILE not in needed:
                files += self._if_there(commit, PREPROCESSOR_FILE)
            files += self._weights(commit)
        missing = [file for file in files if not self._is_there(file)]
        self._announce(missing)
        for file in missing:
            download(self.hub, file, self.cache)
        return self._publish(commit, files)

    def _weights(self, commit: str) -> list[RemoteFile]:
        """In safetensors, one file, else shards, else PyTorch's pickle."""
        whole = self._if_there(commit, WEIGHTS_FILE)
        if whole:
            return whole
        for index in self._if_there(commit, INDEX_FILE):
            download(self.hub, index, self.cache)
            shards = sorted(set(read_weight_map(self.cache.blob(index.checksum)).values()))
            return [index, *(self.hub.describe(self.name, commit, shard) for shard in shards)]
        pickle = self._if_there(commit, PICKLE_FILE)
        if pickle:
            return pickle
        raise DownloadError(
            f"{self.name!r} has no weights at revision {self.revision!r}: neither {WEIGHTS_FILE}, {INDEX_FILE} nor "
            f"{PICKLE_FILE}"
        )

    def _if_there(self, commit: str, file: str) -> list[RemoteFile]:
        try:
            return [self.hub.describe(self.name, commit, file)]
        except EntryNotFound:
            return []

    def _is_there(self, file: RemoteFile) -> bool:
        path = self.cache.present(file.commit, file.name, file.checksum)
        if path is None or not self.recheck:
            return path is not None
        try:
            if checksum_like(path, file.checksum) == file.checksum:
                return True
            logger.warning("%s is damaged and is fetched again", file.name)
            path.unlink()
        except OSError as error:
            raise DownloadError(
                f"{path} is damaged or cannot be read, and not be replaced: {error.strerror}"
            ) from error
        return False

    def _announce(self, missing: list[RemoteFile]) -> None:
        """Say what will be downloaded, and on which terms."""
        if not any(file.name.endswith((".safetensors", ".bin")) for file in missing):
            return
        megabytes = sum(file.size or 0 for file in missing) / 1e6
        logger.warning("downloading %s (%.1f MB) to %s", self.name, megabytes, cache_folder())
        logger.warning("terms: %s", terms(self.name, self.hub.settings.endpoint))

    def _publish(self, commit: str, files: list[RemoteFile]) -> Path:
        try:
            for file in files:
                self.cache.link(commit, file.name, file.checksum)
            self.cache.set_commit(self.revision, commit)
        except OSError as error:
            raise DownloadError(
                f"the cache {self.cache.folder} cannot be written: {error.strerror or error}"
            ) from error
        return self.cache.snapshot(commit)


def _offline_message(name: str, revision: str, needed: tuple[str, ...]) -> str:
    commit = cached_repository(name).commit(revision)
    absent = "nothing of it is" if commit is None else f"{', '.join(_absent(name, commit, needed))} is not"
    return (
        f"HF_HUB_OFFLINE forbids the network, and {absent} in the cache {cache_folder()} for {name!r}, revision "
        f"{revision!r}: unset it, or run 'numpy-vitmatte download {name}' where there is a network and copy the cache"
    )


def _absent(name: str, commit: str, needed: tuple[str, ...]) -> Iterator[str]:
    return missing_files(cached_repository(name).snapshot(commit), needed)
