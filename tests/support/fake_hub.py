"""A Hugging Face hub on this machine: its addresses, headers, redirects and refusals, and faults to order.

As the real one it answers for a large file with a redirect to a store of another origin, and for a small one with a
redirect within itself. Source: https://huggingface.co/docs/hub and what huggingface_hub expects of the answers.
"""

import hashlib
import threading
from collections import Counter
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

LARGE = (".safetensors", ".bin")


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def git_sha1(content):
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def send_whole(handler, content):
    """What a store does."""
    handler.answer(200, {"Content-Length": len(content)})
    handler.wfile.write(content)


def send_damaged(handler, content):
    """Another byte at the end."""
    send_whole(handler, content[:-1] + bytes([content[-1] ^ 1]))


class FakeHub:
    """Repositories and the faults that the next answers have.

    Attributes
    ----------
    files : dict
        (repository, commit) -> {file name: bytes}.
    revisions : dict
        (repository, revision) -> commit.
    private, gated : set of str
        Repositories that want `token`; that nobody may read.
    requests : list of (method, path, headers)
        Everything that was asked, of hub and store.
    failures : list of int
        The next answers of the hub have these statuses; 0 means that it answers as it should.
    gives_reasons : bool
        Refusals carry X-Error-Code.
    headers, large_headers : dict
        Replace headers of the hub's answers; of its redirects to the store. None takes one out.
    send_body : callable(handler, content)
        How the store answers; by default with the content.
    """

    token = "hf_secret"

    def __init__(self):
        self.files, self.revisions = {}, {}
        self.private, self.gated = set(), set()
        self.requests, self.failures = [], []
        self.gives_reasons = True
        self.headers, self.large_headers, self.send_body = {}, {}, send_whole
        self.ended = threading.Event()

    def add(self, repository, files, revision="main"):
        """Let a revision be a new commit with these files; returns the commit."""
        commit = hashlib.sha1(repr((repository, revision, sorted(files.items()))).encode()).hexdigest()
        self.files[repository, commit] = dict(files)
        self.revisions[repository, revision] = self.revisions[repository, commit] = commit
        return commit

    def asked(self, method):
        """How often each file was asked for."""
        return Counter(path.rsplit("/")[-1] for asked, path, _ in self.requests if asked == method)

    def bodies(self):
        """The paths that the store answered."""
        return [path for method, path, _ in self.requests if method == "GET" and path.startswith("/store/")]

    @contextmanager
    def serving(self):
        """Run hub and store on two ports."""
        handler = type("Handler", (_Answer,), {"hub": self})
        servers = [ThreadingHTTPServer(("127.0.0.1", 0), handler) for _ in range(2)]
        threads = [threading.Thread(target=server.serve_forever, args=(0.02,)) for server in servers]
        for thread in threads:
            thread.start()
        self.address, self.store = (f"http://127.0.0.1:{server.server_port}" for server in servers)
        try:
            yield self
        finally:
            self.ended.set()
            for server in servers:
                server.shutdown()
                server.server_close()
            for thread in threads:
                thread.join()


class _Answer(BaseHTTPRequestHandler):
    hub: FakeHub

    def log_message(self, *arguments):
        """Say nothing."""

    def do_HEAD(self):
        self._answer()

    def do_GET(self):
        self._answer()

    def _answer(self):
        path = urlsplit(self.path).path  # a proxy is asked for whole addresses
        self.hub.requests.append((self.command, path, self.headers))
        if path.startswith("/store/"):
            repository, commit, name = self._parts(path, "/store/")
            with suppress(BrokenPipeError, ConnectionResetError):  # whoever asked has gone
                self.hub.send_body(self, self.hub.files[repository, commit][name])
            return None
        if self.hub.failures and (status := self.hub.failures.pop(0)):
            return self._refuse(status)
        small = path.startswith("/cached/")
        parts = self._parts(path, "/cached/") if small else self._parts(path.replace("/resolve/", "/", 1), "/")
        repository, revision, name = parts
        commit = self.hub.revisions.get((repository, revision))
        if commit is None or not self._may_read(repository):
            return self._refuse_repository(repository)
        content = self.hub.files[repository, commit].get(name)
        if content is None:
            return self._refuse(404, "EntryNotFound")
        self._send(repository, commit, name, content, small)

    def _send(self, repository, commit, name, content, small):
        known = {"X-Repo-Commit": commit}
        if name.endswith(LARGE):
            linked = {"X-Linked-Etag": f'"{sha256(content)}"', "X-Linked-Size": len(content)}
            where = f"{self.hub.store}/store/{repository}/{commit}/{name}"
            redirect = {"Location": where, "Content-Length": 0}
            return self.answer(302, known | linked | redirect | self.hub.large_headers)
        if not small:
            where = f"/cached/{repository}/{commit}/{name}"
            return self.answer(307, known | {"Location": where, "Content-Length": 0})
        self.answer(200, known | {"ETag": f'W/"{git_sha1(content)}"', "Content-Length": len(content)})
        if self.command == "GET":
            self.wfile.write(content)

    def _parts(self, path, prefix):
        """The repository owner/name, revision, file."""
        owner, name, revision, file = path.removeprefix(prefix).split("/", 3)
        return f"{owner}/{name}", unquote(revision), file

    def _may_read(self, repository):
        return repository not in self.hub.private or self.headers.get("Authorization") == f"Bearer {self.hub.token}"

    def _refuse_repository(self, repository):
        if repository in self.hub.gated:
            return self._refuse(403, "GatedRepo")
        if repository in self.hub.private and "Authorization" in self.headers:
            return self._refuse(401)
        if repository in self.hub.private or all(repository != known for known, _ in self.hub.revisions):
            return self._refuse(401, "RepoNotFound")
        return self._refuse(404, "RevisionNotFound")

    def _refuse(self, status, reason=None):
        self.answer(
            status,
            {"Content-Length": 0} | ({"X-Error-Code": reason} if reason and self.hub.gives_reasons else {}),
        )

    def answer(self, status, headers):
        """Send the status and the headers, the hub's with some of them replaced."""
        self.send_response(status)
        replaced = {} if self.path.startswith("/store/") else self.hub.headers
        for name, value in (headers | replaced).items():
            if value is not None:
                self.send_header(name, str(value))
        self.end_headers()
