"""Requests to the Hugging Face hub with the standard library: redirects, proxies, the token, and what went wrong.

A file's address (``resolve``) answers with the file itself if it is small. For a large one it redirects to a store
elsewhere, and the redirecting answer says what will be found there (``X-Linked-Etag``, ``X-Linked-Size``). Proxies
come from the environment (``HTTPS_PROXY``, ``NO_PROXY``, ...), certificates from the system (``SSL_CERT_FILE``).
"""

import http.client
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from typing import IO, NoReturn
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlsplit
from urllib.request import HTTPRedirectHandler, OpenerDirector, Request, build_opener

from numpy_vitmatte.errors import DownloadError
from numpy_vitmatte.hub.cache import COMMIT
from numpy_vitmatte.hub.checksum import is_checksum
from numpy_vitmatte.hub.settings import HubSettings

_COMMIT, _LINKED_ETAG, _LINKED_SIZE = "X-Repo-Commit", "X-Linked-Etag", "X-Linked-Size"

# Statuses that another try may heal: the hub is busy, asks to slow down, or a gateway before it failed.
PASSING = (408, 425, 429, 500, 502, 503, 504)

PAUSES = (1.0, 2.0, 4.0, 8.0)
"""Seconds before another try, after the first failure, the second, ...; then it is given up."""


class EntryNotFound(DownloadError):
    """The repository is there and has the revision, but no file of this name in it."""


@dataclass(frozen=True)
class RemoteFile:
    """A file on the hub.

    Attributes
    ----------
    repository, commit, name : str
        ``owner/name``, 40 hexadecimal digits, the file's name.
    checksum : str
        SHA-256, or git's SHA-1 of a small file: its name in the cache.
    size : int or None
        Bytes, where the hub says it.
    """

    repository: str
    commit: str
    name: str
    checksum: str
    size: int | None


class _Redirects(HTTPRedirectHandler):
    """Follows redirects as the hub needs it."""

    def redirect_request(
        self, request: Request, answer: IO[bytes], code: int, reason: str, headers: Message, address: str
    ) -> Request | None:
        """The next request, or None to let the redirecting answer itself be the result."""
        if request.get_method() == "HEAD" and headers.get(_LINKED_ETAG):
            return None
        old, new = urlsplit(request.full_url), urlsplit(address)
        if old.scheme == "https" and new.scheme != "https":
            raise DownloadError(f"{old.hostname} redirects to {new.scheme}://{new.netloc}, which is not protected")
        following = dict(request.header_items())
        following.pop("Host", None)
        if (old.scheme, old.netloc) != (new.scheme, new.netloc):
            # The token is for the hub alone; the store of its large files is another company's.
            following.pop("Authorization", None)
        return Request(address, headers=following, method=request.get_method())


class Hub:
    """The hub as one download sees it.

    Parameters
    ----------
    settings : HubSettings
    """

    def __init__(self, settings: HubSettings) -> None:
        self.settings = settings
        self._opener: OpenerDirector = build_opener(_Redirects())

    def describe(self, repository: str, revision: str, name: str) -> RemoteFile:
        """Ask for a file's commit, checksum and size.

        Raises
        ------
        EntryNotFound
            If the revision has no such file.
        DownloadError
            If the hub cannot be reached, refuses, or is none.
        """
        headers = self._head(repository, revision, name)
        commit = headers.get(_COMMIT, "")
        checksum = (headers.get(_LINKED_ETAG) or headers.get("ETag") or "").removeprefix("W/").strip('"')
        if not COMMIT.fullmatch(commit) or not is_checksum(checksum):
            raise DownloadError(
                f"{self.settings.endpoint} answers for {repository}/{name} without a commit or without a checksum, so "
                "it is no Hugging Face hub: check HF_ENDPOINT, and whether a proxy or a login page stands between"
            )
        length = headers.get(_LINKED_SIZE) or headers.get("Content-Length") or ""
        return RemoteFile(repository, commit, name, checksum, int(length) if length.isdecimal() else None)

    def open(self, file: RemoteFile, start: int) -> http.client.HTTPResponse:
        """Begin to read a file's bytes at position `start`; the answer's status is 206, or 200 for the whole file.

        Raises
        ------
        OSError, http.client.HTTPException
            If the hub cannot be reached or refuses.
        """
        headers = {"Range": f"bytes={start}-"} if start else {}
        request = self._request(self._address(file.repository, file.commit, file.name), "GET", headers)
        answer: http.client.HTTPResponse = self._opener.open(request, timeout=self.settings.download_timeout)
        return answer

    def _head(self, repository: str, revision: str, name: str) -> Message:
        """The headers that describe a file: those of the answer itself, or of the redirect to the store."""
        request = self._request(self._address(repository, revision, name), "HEAD", {})
        for pause in (*PAUSES, None):
            try:
                with self._opener.open(request, timeout=self.settings.metadata_timeout) as answer:
                    headers: Message = answer.headers
                    return headers
            except HTTPError as error:
                error.close()
                if error.headers.get(_LINKED_ETAG) and error.code < 400:
                    # What the redirect itself weighs is not what the file weighs.
                    del error.headers["Content-Length"]
                    return error.headers
                if error.code not in PASSING or pause is None:
                    self.refused(error, repository, revision, name)
                time.sleep(pause)
            except (OSError, http.client.HTTPException) as error:
                self.unreachable(error, repository)
        raise AssertionError("the last try returns or raises")

    def _address(self, repository: str, revision: str, name: str) -> str:
        return f"{self.settings.endpoint}/{repository}/resolve/{quote(revision, safe='')}/{quote(name)}"

    def _request(self, address: str, method: str, headers: Mapping[str, str]) -> Request:
        # Without "identity" a proxy may compress the file on its way, and lengths and positions would be others.
        common = {"User-Agent": "numpy-vitmatte", "Accept-Encoding": "identity"}
        token = {"Authorization": f"Bearer {self.settings.token}"} if self.settings.token else {}
        return Request(address, headers={**common, **token, **headers}, method=method)

    def unreachable(self, error: Exception, repository: str) -> NoReturn:
        """Say that the network does not let us, and what to do.

        Raises
        ------
        DownloadError
        """
        reason = error.reason if isinstance(error, URLError) else error
        raise DownloadError(
            f"{repository!r} is not in the cache, and {self.settings.endpoint} cannot be reached to fetch it: "
            f"{str(reason) or type(reason).__name__}. Check the network and the proxy (HTTPS_PROXY), or give the path "
            "of a checkpoint's directory"
        ) from None

    def refused(self, error: HTTPError, repository: str, revision: str, name: str) -> NoReturn:
        """Translate the hub's refusal: it gives its reasons in ``X-Error-Code``.

        Raises
        ------
        EntryNotFound, DownloadError
        """
        endpoint, reason = self.settings.endpoint, error.headers.get("X-Error-Code")
        # Mirrors may give no reason; but a commit is asked for only after the hub has named it.
        if reason == "EntryNotFound" or (error.code == 404 and not reason and COMMIT.fullmatch(revision)):
            raise EntryNotFound(f"{repository!r} has no file {name} at revision {revision!r} on {endpoint}") from None
        if reason == "RevisionNotFound":
            raise DownloadError(f"{repository!r} has no revision {revision!r} on {endpoint}") from None
        if reason == "GatedRepo":
            raise DownloadError(
                f"{repository!r} is given only to those who accept its terms: do so at {endpoint}/{repository}, then "
                "put your token into HF_TOKEN"
            ) from None
        if error.code == 401 and self.settings.token and reason != "RepoNotFound":
            raise DownloadError(f"{endpoint} does not accept the token of HF_TOKEN (or of 'hf auth login')") from None
        if error.code in (401, 403, 404) or reason == "RepoNotFound":
            raise DownloadError(
                f"{repository!r} is no directory here, and {endpoint} shows no such repository (status {error.code}): "
                "check the name; a private repository needs a token in HF_TOKEN"
            ) from None
        raise DownloadError(
            f"{endpoint} refuses {repository}/{name}: status {error.code}, {' '.join(str(error.reason).split())}; try "
            "again later"
        ) from None
