"""The rules for who may ask (names in the Host header, origins, the token), and what browsers are told."""

import hmac
from collections.abc import Iterable

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from numpy_vitmatte.serve.problems import Problem
from numpy_vitmatte.serve.settings import LOOPBACK, ServiceSettings

PROBES = frozenset({"/healthz", "/readyz"})
"""Paths that orchestrators ask by an address; they tell nothing that is worth a DNS rebinding."""

_PROTECTED = ("/v1/", "/metrics")
"""Paths that the token protects: all that computes or tells; the page is the same for everybody."""

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "worker-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)

_ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Content-Security-Policy": POLICY,
}


class Guard:
    """Middleware that sends strangers away and adds the security headers.

    Parameters
    ----------
    app : ASGI app
    settings : ServiceSettings
    """

    def __init__(self, app: ASGIApp, settings: ServiceSettings) -> None:
        self.app, self.settings = app, settings
        self._hosts = frozenset(name.lower() for name in (*LOOPBACK, *settings.allowed_hosts))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _ALWAYS.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        try:
            self._check(scope["path"].removeprefix(scope.get("root_path", "")), Headers(scope=scope), scope["method"])
        except Problem as problem:
            await problem.response()(scope, receive, guarded)
            return
        await self.app(scope, receive, guarded)

    def _check(self, path: str, headers: Headers, method: str) -> None:
        """Refuse a foreign name, a foreign page, a missing token.

        Raises
        ------
        Problem
        """
        if path not in PROBES:
            self._check_host(headers.getlist("host"))
        self._check_origin(headers)
        preflight = method == "OPTIONS" and "access-control-request-method" in headers
        if self.settings.token is not None and path.startswith(_PROTECTED) and not preflight:
            self._check_token(headers.get("authorization", ""))

    def _check_host(self, given: Iterable[str]) -> None:
        hosts = [_without_port(value).lower() for value in given]
        if len(hosts) != 1 or not ("*" in self._hosts or hosts[0] in self._hosts):
            shown = hosts[0][:100] if hosts else ""
            message = f"the host {shown!r} is not one that this service answers to; add it with --allow-host"
            raise Problem(421, "foreign_host", message)

    def _check_origin(self, headers: Headers) -> None:
        """Refuse a page of another origin: it could not read the answer, but would make this machine compute."""
        origin = headers.get("origin")
        if origin is None:
            if headers.get("sec-fetch-site") == "cross-site" and headers.get("sec-fetch-mode") != "navigate":
                raise Problem(403, "foreign_origin", "pages of other sites may not call this service")
            return
        own = origin.partition("://")[2].lower() == headers.get("host", "").lower()
        if not own and origin not in self.settings.allowed_origins:
            shown = origin[:100]
            raise Problem(403, "foreign_origin", f"the origin {shown!r} is not allowed; add it with --allow-origin")

    def _check_token(self, authorization: str) -> None:
        scheme, _, token = authorization.partition(" ")
        expected = (self.settings.token or "").encode()
        same = hmac.compare_digest(token.strip().encode("latin-1"), expected)
        if scheme.lower() != "bearer" or not same:
            message = "the token is missing or wrong; expected the header Authorization: Bearer TOKEN"
            raise Problem(401, "unauthorized", message, {"WWW-Authenticate": "Bearer"})


def _without_port(host: str) -> str:
    """``name:port``, ``address:port`` or ``[address]:port`` without the port."""
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdigit() else host
