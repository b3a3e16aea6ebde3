"""Signals that ask a command to end: it removes what it has not finished, then ends with the status shells expect."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

_WORDS = {"SIGINT": "interrupted", "SIGTERM": "terminated", "SIGHUP": "hung up"}


class Stopped(KeyboardInterrupt):
    """A signal asks the command to end. Whoever cleans up after Ctrl-C does so after the others, too.

    Parameters
    ----------
    number : int
        The signal's.
    """

    def __init__(self, number: int) -> None:
        super().__init__(_WORDS[signal.Signals(number).name])
        self.status = 128 + number


@contextmanager
def signals_raise() -> Iterator[None]:
    """Raise :class:`Stopped` in the block at SIGINT, SIGTERM and SIGHUP; those that are ignored stay so (``nohup``).

    Only a process's main thread gets signals: in another one nothing changes.
    """
    before = {}
    if threading.current_thread() is threading.main_thread():
        known = [getattr(signal, name) for name in _WORDS if hasattr(signal, name)]
        # None: a handler that is not Python's.
        before = {each: signal.getsignal(each) for each in known}
        before = {each: handler for each, handler in before.items() if handler not in (signal.SIG_IGN, None)}
    try:
        for each in before:
            signal.signal(each, _raise)
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def _raise(number: int, frame: FrameType | None) -> NoReturn:
    raise Stopped(number)
