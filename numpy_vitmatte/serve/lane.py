"""One compute lane with a bounded queue: pictures are computed one at a time, and a client hears of too long a wait."""

import asyncio
import math
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TypeVar

from numpy_vitmatte.serve.problems import Problem

Result = TypeVar("Result")

_LONGEST_PAUSE = 120
"""Seconds; the most that ``Retry-After`` asks for."""


class Lane:
    """Threads that compute, and a queue before them.

    Each waiting job is a future. A job whose client has gone is cancelled: it leaves the queue, or, once it runs, is
    told so through an event that it looks at between two steps.

    Parameters
    ----------
    lanes : int
        Jobs that run at a time.
    queue : int
        Jobs that may wait.
    """

    def __init__(self, lanes: int, queue: int) -> None:
        self.lanes, self.queue = lanes, queue
        self.closed = False
        self._free = lanes
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._threads = ThreadPoolExecutor(lanes, "numpy-vitmatte-lane")
        self._typical_seconds = 1.0

    @property
    def waiting(self) -> int:
        """The number of jobs that wait."""
        return len(self._waiting)

    @property
    def running(self) -> int:
        """The number of jobs that run."""
        return self.lanes - self._free

    def require_room(self) -> None:
        """Refuse a job that could not even wait.

        Raises
        ------
        Problem
            503, with ``Retry-After``.
        """
        if self.closed:
            raise self._refusal("shutting_down", "the service is shutting down; try another one, or later")
        if self._free == 0 and len(self._waiting) >= self.queue:
            raise self._refusal("queue_full", f"{len(self._waiting)} pictures wait already; try again later")

    async def run(self, job: Callable[[threading.Event], Result]) -> Result:
        """Wait for a free lane, and compute there.

        Parameters
        ----------
        job : callable
            Gets an event that is set when nobody wants the result any more.

        Returns
        -------
        result
            What the job returns.

        Raises
        ------
        Problem
            503: the queue is full, or the service shuts down.
        """
        async with self._turn():
            began = time.perf_counter()
            unwanted = threading.Event()
            future = asyncio.get_running_loop().run_in_executor(self._threads, job, unwanted)
            try:
                result = await asyncio.shield(future)
            except asyncio.CancelledError:
                unwanted.set()
                await asyncio.wait({future})  # the lane is not free before its thread is
                raise
            self._typical_seconds += 0.2 * (time.perf_counter() - began - self._typical_seconds)
            return result

    def close(self) -> None:
        """Send away what waits and what comes; what runs goes on."""
        self.closed = True
        problem = self._refusal("shutting_down", "the service is shutting down; try another one, or later")
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_exception(problem)

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        self.require_room()
        if self._free:
            self._free -= 1
        else:
            await self._wait()
        try:
            yield
        finally:
            self._hand_on()

    async def _wait(self) -> None:
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn in self._waiting:
                self._waiting.remove(turn)
            elif turn.done() and not turn.cancelled() and turn.exception() is None:
                self._hand_on()  # its turn had just come
            raise

    def _hand_on(self) -> None:
        """Give a lane to the job that has waited longest, or keep it free."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1

    def _refusal(self, code: str, message: str) -> Problem:
        ahead = self.waiting + self.running
        pause = min(_LONGEST_PAUSE, max(1, math.ceil(self._typical_seconds * ahead / self.lanes)))
        return Problem(503, code, message, {"Retry-After": str(pause)})
