"""Files of one repository through huggingface_hub (the extra ``[hub]``), each checked by its checksum after it arrived.

huggingface_hub speaks to the hub and fills the cache: redirects, tokens, proxies, retries, Xet, locks. It compares the
size of what arrives over HTTP, not its checksum (https://github.com/huggingface/huggingface_hub/issues/2364): that is
done here. Whatever it raises becomes a :class:`~numpy_vitmatte.errors.DownloadError` of one sentence.
"""

import errno
import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from numpy_vitmatte.errors import DownloadError, one_line
from numpy_vitmatte.hub.cache import COMMIT, cached_repository
from numpy_vitmatte.hub.checksum import checksum_kind, checksum_like, is_checksum
from numpy_vitmatte.hub.options import HubSource
from numpy_vitmatte.hub.settings import endpoint
from numpy_vitmatte.hub.watch import Watch, watched

logger = logging.getLogger("numpy_vitmatte")

# Since 1.18 each process downloads to a file of its own: before, two could spoil the cache where locks do not lock.
_LOWEST_VERSION = (1, 18)

# Bytes that a file may have whose size the hub does not say; without a limit an endless body would fill the disk.
_MOST_UNSTATED = 10_000_000

_LONGEST_REASON = 300


class EntryNotFound(DownloadError):
    """The repository is there and has the revision, but no file of this name in it."""


@dataclass(frozen=True)
class RemoteFile:
    """A file on the hub.

    Attributes
    ----------
    commit, name : str
        40 hexadecimal digits, the file's name.
    checksum : str
        SHA-256, or git's SHA-1 of a small file: its name in the cache.
    size : int or None
        Bytes, where the hub says it.
    """

    commit: str
    name: str
    checksum: str
    size: int | None


class Client:
    """One repository of the hub.

    Parameters
    ----------
    repository : str
        ``owner/name``.
    source : HubSource
        The name with its revision, as the user gave it.

    Raises
    ------
    DownloadError
        If huggingface_hub is not installed, or too old.
    """

    def __init__(self, repository: str, source: HubSource) -> None:
        self.repository = repository
        self.revision = source.revision or "main"
        self._cache_folder, self._token = source.cache_folder, source.token
        self._library = _huggingface_hub(repository, self.revision, self._cache_folder)

    def describe(self, name: str, commit: str | None = None) -> RemoteFile:
        """Ask for a file's commit, checksum and size.

        Raises
        ------
        EntryNotFound
            If the revision has no such file.
        DownloadError
            If the hub cannot be reached, refuses, or is none.
        """
        with self._one_sentence(name):
            address = self._library.hf_hub_url(
                self.repository, name, revision=commit or self.revision, endpoint=endpoint()
            )
            found = watched(
                self._library,
                lambda _: self._library.get_hf_file_metadata(
                    address, token=self._token, endpoint=endpoint(), library_name="numpy-vitmatte"
                ),
            )
        if not COMMIT.fullmatch(found.commit_hash or "") or not is_checksum(found.etag or ""):
            raise DownloadError(
                f"{endpoint()} answers for {self.repository}/{name} without a commit or without a checksum, so it is "
                "no Hugging Face hub: check HF_ENDPOINT, and whether a proxy or a login page stands between"
            )
        return RemoteFile(found.commit_hash, name, found.etag, found.size)

    def download(self, file: RemoteFile, anew: bool = False) -> Path:
        """Bring a file into the cache and compare its checksum; a file that has another is removed again.

        Parameters
        ----------
        file : RemoteFile
        anew : bool
            Replace what the cache has.

        Returns
        -------
        Path
            In the snapshot of the file's commit.

        Raises
        ------
        DownloadError
            If it cannot be fetched or stored, or arrives damaged.
        """
        with self._one_sentence(file.name):
            self._check_space(file)
            path = watched(self._library, lambda watch: self._cached_file(file, anew, watch))
            found = checksum_like(path, file.checksum)
        if found == file.checksum:
            return path
        cached_repository(self.repository, self._cache_folder).remove(path)
        raise DownloadError(
            f"{self.repository}/{file.name} arrived damaged: its {checksum_kind(file.checksum)} is {found}, expected "
            f"{file.checksum}; nothing of it was kept. Try again; if it stays so, the hub or a proxy is broken"
        )

    def _cached_file(self, file: RemoteFile, anew: bool, watch: Watch) -> Path:
        return Path(
            self._library.hf_hub_download(
                self.repository,
                file.name,
                revision=file.commit,
                cache_dir=self._cache_folder,
                token=self._token,
                endpoint=endpoint(),
                library_name="numpy-vitmatte",
                force_download=anew,
                tqdm_class=_bounded_bar(self._library, file, watch),
            )
        )

    def _check_space(self, file: RemoteFile) -> None:
        """Refuse before the disk is full rather than when it is."""
        cache = self._cache_folder.absolute()
        existing = next(folder for folder in (cache, *cache.parents) if folder.is_dir())
        if file.size is not None and file.size > shutil.disk_usage(existing).free:
            raise self._disk_full(file.name, f" of {file.size / 1e6:.1f} MB")

    def _disk_full(self, name: str, size: str = "") -> DownloadError:
        return DownloadError(
            f"the disk is full: {name}{size} does not fit into the cache {self._cache_folder}. Free some space, or "
            "move the cache with HF_HOME"
        )

    @contextmanager
    def _one_sentence(self, name: str) -> Iterator[None]:
        """Turn whatever the library, its HTTP client or the disk raises into an error of ours."""
        try:
            yield
        except DownloadError:
            raise
        except Exception as error:  # with malformed answers HTTP clients raise anything, also ValueError
            raise self._translated(error, name) from error

    def _translated(self, error: Exception, name: str) -> DownloadError:
        errors = self._library.errors
        if isinstance(error, errors.LocalEntryNotFoundError) and isinstance(error.__cause__, Exception):
            error = error.__cause__  # the library says only that something happened while it looked for the file
        match error:
            case errors.GatedRepoError():
                return DownloadError(
                    f"{self.repository!r} is given only to those who accept its terms: do so at "
                    f"{endpoint()}/{self.repository}, then put your token into HF_TOKEN"
                )
            case errors.RevisionNotFoundError():
                return DownloadError(f"{self.repository!r} has no revision {self.revision!r} on {endpoint()}")
            case errors.HfHubHTTPError():
                return self._refused(error, name)
            case OSError(errno=errno.ENOSPC | errno.EDQUOT):
                return self._disk_full(name)
            case OSError(errno=int()) if error.filename is not None:
                return DownloadError(
                    f"the cache {self._cache_folder} cannot be written: {error.strerror}; move it to a writable folder "
                    "with HF_HOME"
                )
        return DownloadError(
            f"{self.repository}/{name} cannot be fetched from {endpoint()}: {_reason(error)}. Check the network, the "
            "proxy (HTTPS_PROXY) and HF_ENDPOINT, or give the path of a checkpoint's directory"
        )

    def _refused(self, error: Any, name: str) -> DownloadError:
        """Tell a refusal by its status; the hub gives its reasons in headers, which mirrors leave out."""
        status = error.response.status_code
        entry = isinstance(error, self._library.errors.EntryNotFoundError)
        if entry or (status == 404 and not error.response.headers.get("X-Error-Code")):
            return EntryNotFound(
                f"{self.repository!r} has no file {name} at revision {self.revision!r} on {endpoint()}"
            )
        if status in (401, 403, 404):
            return DownloadError(
                f"{self.repository!r} is no directory here, and {endpoint()} shows no such repository (status "
                f"{status}): check the name; a private repository needs a token in HF_TOKEN that may read it"
            )
        return DownloadError(f"{endpoint()} refuses {self.repository}/{name} with status {status}; try again later")


def _huggingface_hub(repository: str, revision: str, cache: Path) -> ModuleType:
    """Import the library when it is needed; its log lines may quote servers, and are made harmless."""
    try:
        import huggingface_hub
        import huggingface_hub.errors
        import huggingface_hub.utils
    except ImportError:
        option = "" if revision == "main" else f" --revision {revision}"
        raise DownloadError(
            f"{repository!r}, revision {revision!r}, is not in the cache {cache}, and downloading needs "
            "huggingface_hub: run pip install 'numpy-vitmatte[hub]', or fetch it with 'hf download "
            f"{repository}{option}'"
        ) from None
    version = huggingface_hub.__version__
    if tuple(int(number) for number in version.split(".")[:2]) < _LOWEST_VERSION:
        lowest = ".".join(map(str, _LOWEST_VERSION))
        raise DownloadError(
            f"huggingface_hub {version} is too old to download {repository!r}: version {lowest} is needed; run "
            "pip install 'numpy-vitmatte[hub]'"
        )
    for handler in logging.getLogger("huggingface_hub").handlers:
        handler.addFilter(_printable)
    return huggingface_hub


def _printable(record: logging.LogRecord) -> bool:
    record.msg, record.args = one_line(record.getMessage()), ()
    return True


def _bounded_bar(library: ModuleType, file: RemoteFile, watch: Watch) -> type[Any]:
    """Make a progress bar that ends the download when too many bytes arrive, which the library does not do."""
    limit = _MOST_UNSTATED if file.size is None else file.size
    shown = logger.isEnabledFor(logging.WARNING)

    class Bar(library.utils.tqdm):  # type: ignore[name-defined]
        arrived: float = 0

        def __init__(self, *arguments: Any, **options: Any) -> None:
            options |= {"desc": file.name, "leave": False} | ({} if shown else {"disable": True})
            super().__init__(*arguments, **options)

        def update(self, n: float | None = 1) -> bool | None:
            self.arrived += n or 0
            watch.count(max(n or 0, 0))
            if self.arrived > limit:
                raise DownloadError(
                    f"{file.name} arrives with more than the {limit} bytes that {endpoint()} promised; nothing of it "
                    "was kept. Try again; if it stays so, the hub or a proxy is broken"
                )
            shown: bool | None = super().update(n)
            return shown

    return Bar


def _reason(error: Exception) -> str:
    return one_line(error).rstrip(".")[:_LONGEST_REASON]
