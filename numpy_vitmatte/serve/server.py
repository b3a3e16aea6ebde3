"""uvicorn with the service's manners: one printed address, patience with an end, a shutdown that loses no picture."""

import asyncio
import contextlib
import copy
import os
import socket
import sys
from typing import Any

import uvicorn
from fastapi import FastAPI
from uvicorn.config import LOGGING_CONFIG
from uvicorn.protocols.http.h11_impl import H11Protocol

from numpy_vitmatte.errors import VitMatteError

_HEADER_SECONDS = 20.0
"""Seconds in which a request's header must have arrived."""

_SWITCH_SECONDS = 0.0005
"""The most that the lane, back from a kernel, waits while Python's code of a request holds the GIL; usually 0.005."""


class PatientProtocol(H11Protocol):
    """uvicorn's HTTP/1.1 on h11, which limits a header's size, with a limit on its time as well."""

    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for a header."""
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Go on waiting, or stop when the header is there."""
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        super().connection_lost(exc)
        self._stop()

    def _watch(self) -> None:
        busy = self.cycle is not None and not self.cycle.response_complete
        if busy:
            self._stop()
        elif self._late is None:
            self._late = self.loop.call_later(_HEADER_SECONDS, self._hang_up)

    def _stop(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _hang_up(self) -> None:
        self._late = None
        if self.cycle is None or self.cycle.response_complete:
            self.transport.close()


class Server(uvicorn.Server):
    """A server that says where it listens, and that sends the queue away before it shuts down."""

    def __init__(self, config: uvicorn.Config, app: FastAPI) -> None:
        super().__init__(config)
        self._service = app.state.service

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and print the address."""
        await super().startup(sockets)
        for listening in sockets or []:
            host, port = listening.getsockname()[:2]
            print(f"http://{f'[{host}]' if ':' in host else host}:{port}", flush=True)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Answer what waits with 503, finish what runs."""
        self._service.lane.close()
        await super().shutdown(sockets)


def run_server(app: FastAPI, host: str, port: int, log_level: int) -> None:
    """Serve until SIGTERM or SIGINT.

    Parameters
    ----------
    app : fastapi.FastAPI
        As ``create_app`` makes it.
    host : str
        Address to listen on.
    port : int
        0: any free one.
    log_level : int
        A level of ``logging``; the log goes to stderr.

    Raises
    ------
    VitMatteError
        The address cannot be listened on.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listening = socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        number = error.errno or 0
        why = os.strerror(number) if number > 0 else error.strerror  # below 0: a name that is none
        raise VitMatteError(f"cannot listen on {host}, port {port}: {why}; choose another --port") from error
    logs = copy.deepcopy(LOGGING_CONFIG)
    logs["handlers"]["access"]["stream"] = "ext://sys.stderr"
    logs["loggers"]["python_multipart"] = {"level": "ERROR"}  # its warnings quote bytes of what clients send
    config = uvicorn.Config(
        app, http=PatientProtocol, ws="none", lifespan="on", log_config=logs, log_level=log_level,
        server_header=False, timeout_keep_alive=15, h11_max_incomplete_event_size=32 * 1024,
    )  # fmt: skip
    sys.setswitchinterval(_SWITCH_SECONDS)
    with contextlib.suppress(KeyboardInterrupt):  # uvicorn raises the signal again when it has ended in order
        Server(config, app).run(sockets=[listening])
