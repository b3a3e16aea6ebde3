"""Answers that come before the request has arrived: the client is let come to an end, so that it can read why."""

import asyncio

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_LINGER = 2.0
"""Seconds for which the rest of a body is read and dropped. A client or a proxy that still sends would otherwise find
the connection reset before it has read the answer."""


class Linger:
    """Middleware that ends an early answer only when the body has arrived, or a moment later.

    It stands before whatever may refuse a request without reading it.

    Parameters
    ----------
    app : ASGI app
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and then read what is left of it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        exchange = _Exchange(receive, send, arrived=not has_body(Headers(scope=scope)))
        await self.app(scope, exchange.receive, exchange.send)
        await exchange.end()


def has_body(headers: Headers) -> bool:
    """Whether a request's header announces a body."""
    return headers.get("content-length", "0") != "0" or "transfer-encoding" in headers


class _Exchange:
    """One request and its answer, whose end is held back while the body still arrives."""

    def __init__(self, receive: Receive, send: Send, *, arrived: bool) -> None:
        self._receive, self._send = receive, send
        self._arrived = arrived
        self._held_back = False

    async def receive(self) -> Message:
        message = await self._receive()
        self._arrived = self._arrived or message["type"] != "http.request" or not message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        if not self._arrived:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["Connection"] = "close"
            elif not message.get("more_body", False):
                self._held_back = True
                message = {**message, "more_body": True}
        await self._send(message)

    async def end(self) -> None:
        """Drop the rest of the body and send the end of the answer."""
        if not self._held_back:
            return
        try:
            async with asyncio.timeout(_LINGER):
                while not self._arrived:
                    await self.receive()
        except TimeoutError:
            pass
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})
