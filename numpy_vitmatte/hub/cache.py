"""The cache folder of the Hugging Face hub, as huggingface_hub and transformers lay it out; no network, no library.

::

    models--owner--name/
      blobs/bda9289d...                  the files, named by their checksum
      refs/main                          the commit that a branch or tag pointed to when it was last asked for
      snapshots/<commit>/config.json     -> ../../blobs/...; a copy where the file system knows no links
      .no_exist/<commit>/tokenizer.json  empty: the commit has no such file

Source: https://huggingface.co/docs/huggingface_hub/guides/manage-cache.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from numpy_vitmatte.errors import CheckpointError
from numpy_vitmatte.files.atomic_write import atomic_path
from numpy_vitmatte.hub.file_names import (
    INDEX_FILE,
    PICKLE_FILE,
    PREPROCESSOR_FILE,
    WEIGHTS,
    WEIGHTS_FILE,
    read_weight_map,
)
from numpy_vitmatte.hub.settings import cache_folder

COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True)
class CachedRepository:
    """The part of the cache that belongs to one repository.

    Attributes
    ----------
    folder : Path
        ``models--owner--name``; it need not exist.
    """

    folder: Path

    def snapshot(self, commit: str) -> Path:
        """Return the directory of the files of a commit."""
        return self.folder / "snapshots" / commit

    def commit(self, revision: str) -> str | None:
        """Return the commit that a revision is known to be, or None."""
        if COMMIT.fullmatch(revision):
            return revision
        try:
            commit = (self.folder / "refs" / revision).read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError):
            return None
        return commit if COMMIT.fullmatch(commit) else None

    def set_commit(self, revision: str, commit: str) -> None:
        """Remember what a revision is.

        Raises
        ------
        OSError
            If it cannot be written.
        """
        if revision == commit or self.commit(revision) == commit:
            return
        reference = self.folder / "refs" / revision
        reference.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(reference) as temporary:
            temporary.write_text(commit, encoding="ascii")

    def set_absent(self, commit: str, file: str) -> None:
        """Remember that a commit has no file of this name, as far as that can be written."""
        mark = self.folder / ".no_exist" / commit / file
        with suppress(OSError):
            mark.parent.mkdir(parents=True, exist_ok=True)
            mark.touch()

    def remove(self, pointer: Path) -> None:
        """Remove a file of a snapshot and the blob that it is a link to, if they can be removed."""
        blob = pointer.parent / pointer.readlink() if pointer.is_symlink() else pointer
        for path in (pointer, blob):
            with suppress(OSError):
                path.unlink(missing_ok=True)


def cached_repository(name: str, folder: Path | None = None) -> CachedRepository:
    """Find the cache of repository ``owner/name``; without a folder, in the one that the environment asks for."""
    return CachedRepository((folder or cache_folder()) / ("models--" + name.replace("/", "--")))


def find_cached(name: str, revision: str, needed: tuple[str, ...], folder: Path | None = None) -> Path | None:
    """Find the snapshot of a revision, if all that is needed of it was downloaded before, by whichever program.

    Parameters
    ----------
    name : str
        ``owner/name``.
    revision : str
        Branch, tag, ``refs/pr/N`` or commit.
    needed : tuple of str
        File names; ``WEIGHTS`` stands for the tensors, however they are stored.
    folder : Path, optional
        The folder of all checkpoints; by default the environment's.

    Returns
    -------
    Path or None
    """
    repository = cached_repository(name, folder)
    commit = repository.commit(revision)
    if commit is None:
        return None
    snapshot = repository.snapshot(commit)
    return snapshot if not list(missing_files(snapshot, needed)) else None


def missing_files(snapshot: Path, needed: tuple[str, ...]) -> Iterator[str]:
    """Name the needed files that a snapshot lacks; a repository may have been found to have no processor."""
    absent = snapshot.parent.parent / ".no_exist" / snapshot.name
    for file in needed:
        if file != WEIGHTS:
            known_absent = file == PREPROCESSOR_FILE and (absent / file).is_file()
            if not (snapshot / file).is_file() and not known_absent:
                yield file
        elif not any((snapshot / weights).is_file() for weights in (WEIGHTS_FILE, INDEX_FILE, PICKLE_FILE)):
            yield WEIGHTS_FILE
        elif not (snapshot / WEIGHTS_FILE).is_file() and (snapshot / INDEX_FILE).is_file():
            yield from (shard for shard in _shards(snapshot) if not (snapshot / shard).is_file())


def _shards(snapshot: Path) -> list[str]:
    try:
        return sorted(set(read_weight_map(snapshot / INDEX_FILE).values()))
    except CheckpointError:
        return []  # whoever reads the weights will say what is wrong with the index
