"""Bytes from the hub into the cache: resumed where they broke off, and under their name once their sum is right."""

import errno
import http.client
import logging
import os
import secrets
import shutil
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING
from urllib.error import HTTPError

from numpy_vitmatte.errors import DownloadError
from numpy_vitmatte.hub.cache import CachedRepository
from numpy_vitmatte.hub.checksum import checksum_kind, checksum_like
from numpy_vitmatte.hub.lock import exclusive_lock
from numpy_vitmatte.hub.requests import PASSING, PAUSES, Hub, RemoteFile
from numpy_vitmatte.hub.settings import shows_progress

if TYPE_CHECKING:
    from tqdm import tqdm

logger = logging.getLogger("numpy_vitmatte")

_CHUNK_BYTES = 1 << 18
_DISK_FULL = (errno.ENOSPC, errno.EDQUOT)


def download(hub: Hub, file: RemoteFile, repository: CachedRepository) -> None:
    """Bring a file into the cache, unless it is there.

    The bytes arrive in ``blobs/<checksum>.incomplete``, which outlives a failure or a killed process and is continued
    by the next; it takes its own name when its checksum is right. Several processes take turns: those that waited
    find the file there.

    Raises
    ------
    DownloadError
        If the hub cannot be reached or refuses, the connection keeps breaking, the bytes have another checksum, or
        the cache cannot be written.
    """
    blob = repository.blob(file.checksum)
    try:
        blob.parent.mkdir(parents=True, exist_ok=True)
        with exclusive_lock(repository.locks / f"{file.checksum}.lock") as held:
            if blob.is_file():
                return
            # Where nothing keeps others out, each process writes to a file of its own.
            unique = "" if held else f".{secrets.token_hex(4)}"
            partial = blob.with_name(f"{file.checksum}{unique}.incomplete")
            try:
                _fetch(hub, file, partial)
                partial.replace(blob)
            finally:
                if not held:
                    partial.unlink(missing_ok=True)
    except OSError as error:
        raise _unwritable(error, repository.folder, file) from error


def _fetch(hub: Hub, file: RemoteFile, partial: Path) -> None:
    """Complete the partial file and check it; what an earlier run left may be rotten, so it gets a second chance."""
    resumed = partial.is_file() and partial.stat().st_size > 0
    _complete(hub, file, partial)
    found = checksum_like(partial, file.checksum)
    if found != file.checksum and resumed:
        logger.warning("%s: what an earlier download left is damaged; starting anew", file.name)
        partial.unlink()
        _complete(hub, file, partial)
        found = checksum_like(partial, file.checksum)
    if found != file.checksum:
        partial.unlink()
        raise DownloadError(
            f"{file.repository}/{file.name} arrived damaged: its {checksum_kind(file.checksum)} is {found}, expected "
            f"{file.checksum}; nothing of it was kept. Try again; if it stays so, the hub or a proxy is broken"
        )


def _complete(hub: Hub, file: RemoteFile, partial: Path) -> None:
    """Read until the file has all its bytes; every broken connection is taken up where it broke off."""
    with partial.open("ab") as target, _progress_bar(file) as bar:
        bar.update(target.tell())
        furthest, failures = target.tell(), 0
        while True:
            fault = _read_on(hub, file, target, bar)
            if fault is None:
                target.flush()
                os.fsync(target.fileno())
                return
            # As long as it gets further, a breaking connection is worth another try.
            failures = 0 if target.tell() > furthest else failures + 1
            furthest = max(furthest, target.tell())
            if failures == len(PAUSES):
                raise DownloadError(
                    f"the download of {file.repository}/{file.name} broke off after {target.tell()} of "
                    f"{file.size or 'unknown'} bytes: {fault}. What arrived is kept: try again to continue"
                )
            logger.debug("%s: %s after %d bytes, trying again", file.name, fault, target.tell())
            time.sleep(PAUSES[failures])


def _read_on(hub: Hub, file: RemoteFile, target: IO[bytes], bar: "tqdm[None]") -> str | None:
    """Append what the hub still sends; returns None when the file is complete, else what broke."""
    start = target.tell()
    if file.size is not None and start >= file.size:
        return None
    try:
        answer = hub.open(file, start)
    except HTTPError as error:
        error.close()
        if error.code == 416:  # the partial file is longer than the whole one: it is another's
            _restart(target, bar)
        elif error.code not in PASSING:
            hub.refused(error, file.repository, file.commit, file.name)
        return f"status {error.code}"
    except (OSError, http.client.HTTPException) as error:
        return _reason(error)
    with answer:
        if start and not _continues(answer, start):
            _restart(target, bar)
        _check_space(target, file)
        return _append(answer, file, target, bar)


def _append(answer: http.client.HTTPResponse, file: RemoteFile, target: IO[bytes], bar: "tqdm[None]") -> str | None:
    """Write an answer's bytes; errors of reading are told, those of writing raised."""
    while True:
        try:
            # read() would wait for a full chunk, and lose what has come of it when the connection breaks.
            chunk = answer.read1(_CHUNK_BYTES)
        except (OSError, http.client.HTTPException) as error:
            return _reason(error)
        if not chunk:
            is_whole = file.size is None or target.tell() >= file.size
            return None if is_whole else "the connection was closed"
        target.write(chunk)
        bar.update(len(chunk))


def _continues(answer: http.client.HTTPResponse, start: int) -> bool:
    """Whether the answer begins at the byte that was asked for; a server may send the whole file instead."""
    return answer.status == 206 and (answer.headers.get("Content-Range") or "").startswith(f"bytes {start}-")


def _restart(target: IO[bytes], bar: "tqdm[None]") -> None:
    bar.update(-target.tell())
    target.truncate(0)
    target.seek(0)


def _check_space(target: IO[bytes], file: RemoteFile) -> None:
    """Refuse before the disk is full rather than when it is.

    Raises
    ------
    OSError
        ``ENOSPC``, as the disk itself would.
    """
    if file.size is not None and file.size - target.tell() > shutil.disk_usage(Path(target.name).parent).free:
        raise OSError(errno.ENOSPC, "No space left on device")


def _unwritable(error: OSError, folder: Path, file: RemoteFile) -> DownloadError:
    if error.errno in _DISK_FULL:
        size = f" of {file.size / 1e6:.1f} MB" if file.size else ""
        return DownloadError(
            f"the disk is full: {file.name}{size} does not fit into the cache {folder}. Free some space (what has "
            "arrived is kept and continued), or move the cache with HF_HOME"
        )
    return DownloadError(
        f"the cache {folder} cannot be written: {error.strerror or error}; move it to a writable folder with HF_HOME"
    )


def _progress_bar(file: RemoteFile) -> "tqdm[None]":
    from tqdm import tqdm  # a download is rare; importing the package must not pay for it

    wanted = shows_progress() and logger.isEnabledFor(logging.WARNING)
    return tqdm(
        desc=file.name,
        total=file.size,
        unit="B",
        unit_scale=True,
        leave=False,
        disable=None if wanted else True,  # None: shown on a terminal only
    )


def _reason(error: Exception) -> str:
    reason = getattr(error, "reason", None) or error
    return " ".join(str(reason).split()) or type(reason).__name__
