"""Limits on each request: bytes of its body, and the time that a slow client may take."""

import asyncio
import time

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from numpy_vitmatte.serve.linger import has_body
from numpy_vitmatte.serve.problems import Problem, too_large


class Limits:
    """Middleware that refuses a body while it streams in, and drops clients that stand still.

    Parameters
    ----------
    app : ASGI app
    max_bytes : int
        The longest body.
    seconds : float
        The time for a body to arrive, and for a client to take each piece of an answer.
    """

    def __init__(self, app: ASGIApp, max_bytes: int, seconds: float) -> None:
        self.app, self.max_bytes, self.seconds = app, max_bytes, seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on within the limits."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        announced = headers.get("content-length", "0")
        exchange = _Exchange(self, receive, send, complete=not has_body(headers))
        if announced.isdigit() and int(announced) > self.max_bytes:
            await exchange.too_long().response()(scope, exchange.receive, exchange.send)
            return
        await self.app(scope, exchange.receive, exchange.send)


class _Exchange:
    """One request and its answer."""

    def __init__(self, limits: Limits, receive: Receive, send: Send, *, complete: bool) -> None:
        self._limits, self._receive, self._send = limits, receive, send
        self._deadline = time.monotonic() + limits.seconds
        self._bytes = 0
        self._complete = complete

    def too_long(self) -> Problem:
        return too_large(f"the request has more than {self._limits.max_bytes} bytes; send smaller pictures")

    async def receive(self) -> Message:
        """Return the next piece of the body; after the last one, word that the client has gone.

        Raises
        ------
        Problem
            413: too long. 408: too slow.
        """
        if self._complete:
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._deadline - time.monotonic() + asyncio.get_running_loop().time()):
                message = await self._receive()
        except TimeoutError:
            raise Problem(
                408, "too_slow", f"the request took more than {self._limits.seconds:g} seconds to arrive"
            ) from None
        if message["type"] == "http.request":
            self._bytes += len(message.get("body", b""))
            self._complete = not message.get("more_body", False)
            if self._bytes > self._limits.max_bytes:
                raise self.too_long()
        return message

    async def send(self, message: Message) -> None:
        """Raise OSError, as a closed connection does, for a client that takes nothing."""
        try:
            async with asyncio.timeout(self._limits.seconds):
                await self._send(message)
        except TimeoutError:
            raise OSError("the client takes no more of the answer") from None
