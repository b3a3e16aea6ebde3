"""A watch over huggingface_hub: a call that brings nothing is given up, and a page that is no file is not read whole.

The library waits as long as a byte comes now and then, obeys whatever pause a server asks for, and reads the page that
comes with a refusal or a redirect into memory, however long it is. Its HTTP client, httpx, calls hooks with every
request before it is sent, and with every answer before its body is read; those that are added here do nothing outside
of :func:`watched`.
"""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import suppress
from contextvars import ContextVar, copy_context
from types import ModuleType
from typing import Any, TypeVar

from numpy_vitmatte.errors import DownloadError

Result = TypeVar("Result")

_PATIENCE = 120.0
"""Seconds in which enough must arrive; the pauses of the library's own tries take less."""

_SLOWEST = 1000
"""Bytes a second, on average."""

_LONGEST_PAGE = 1 << 16
"""Bytes of an answer that is no file: of a refusal, for example."""

_LOOK_EVERY = 0.2
_GRACE = 1.0
"""Seconds that a call which was given up has to remove what it has not finished."""


class Watch:
    """The bytes that have arrived for one call.

    Attributes
    ----------
    arrived : int
        Bytes.
    given_up : bool
        Nobody waits for the call any more.
    connection : socket.socket or None
        Where the answer comes from that is read.
    """

    def __init__(self) -> None:
        self.arrived, self.given_up = 0, False
        self.connection: socket.socket | None = None

    def count(self, number: float) -> None:
        """Note that bytes have arrived, and end a call that was given up.

        Raises
        ------
        DownloadError
        """
        self.arrived += int(number)
        if self.given_up:
            raise DownloadError("the download was given up")

    def give_up(self) -> None:
        """End the call: with its next bytes, or by the end of the connection on which none come."""
        self.given_up = True
        if self.connection is not None:
            with suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)


_current: ContextVar[Watch | None] = ContextVar("watch", default=None)


def watched(library: ModuleType, call: Callable[[Watch], Result]) -> Result:
    """Call the library in a thread of its own, and wait for it as long as enough bytes arrive.

    Parameters
    ----------
    library : module
        huggingface_hub.
    call : callable
        Gets the watch, for bytes that do not come through the library's HTTP client.

    Raises
    ------
    DownloadError
        Too little has arrived for too long.
    Exception
        Whatever the call raises.
    """
    watch, outcome = Watch(), Future[Result]()
    thread = threading.Thread(target=copy_context().run, args=(_work, watch, call, outcome), daemon=True)
    thread.start()
    arrived, since = 0, time.monotonic()
    try:
        while True:
            _add_hooks(library)  # again and again: after a lost connection the library makes a new client
            try:
                return outcome.result(_LOOK_EVERY)
            except TimeoutError:
                if outcome.done():
                    raise  # it is the call's own
            if time.monotonic() - since >= _PATIENCE:
                if watch.arrived - arrived < _PATIENCE * _SLOWEST:
                    raise DownloadError(
                        f"fewer than {_SLOWEST} bytes a second have arrived for {_PATIENCE:g} seconds; try again "
                        "later, or with another network"
                    )
                arrived, since = watch.arrived, time.monotonic()
    finally:
        watch.give_up()
        thread.join(_GRACE)


def _work(watch: Watch, call: Callable[[Watch], Result], outcome: "Future[Result]") -> None:
    _current.set(watch)
    try:
        outcome.set_result(call(watch))
    except BaseException as error:
        outcome.set_exception(error)


def _add_hooks(library: ModuleType) -> None:
    hooks = library.get_session().event_hooks
    if _bound not in hooks["response"]:
        hooks["response"].append(_bound)
        hooks["request"].append(_forbid)


def _forbid(request: Any) -> None:
    """Let a call that was given up send nothing more."""
    if (watch := _current.get()) is not None:
        watch.count(0)


def _bound(response: Any) -> None:
    """Count an answer's body while it is read, and end it where it is no file and too long."""
    watch = _current.get()
    if watch is None:
        return
    stream = response.extensions.get("network_stream")
    watch.connection = None if stream is None else stream.get_extra_info("socket")
    limit = None
    if response.status_code not in (200, 206):
        limit = _LONGEST_PAGE
        response.headers.pop("content-encoding", None)  # packed, it would grow a thousandfold
    response.stream = _counted(response.stream, watch, limit)


def _counted(stream: Any, watch: Watch, limit: int | None) -> Any:
    # httpx and its successor httpx2 each ask for a stream of their own class.
    base: Any = next(kind for kind in type(stream).__mro__ if kind.__name__ == "SyncByteStream")

    class Counted(base):
        def __iter__(self) -> Iterator[bytes]:
            read = 0
            try:
                for chunk in stream:
                    watch.count(len(chunk))
                    read += len(chunk)
                    if limit is not None and read > limit:
                        raise DownloadError(f"an answer that is no file has more than {limit} bytes")
                    yield chunk
            finally:
                watch.count(0)  # a connection that was ended by giving up is no reason to try again

        def close(self) -> None:
            stream.close()

    return Counted()
