"""One compute lane with a bounded queue: pictures are computed one at a time, and a client hears of too long a wait."""

import asyncio
import math
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeVar

from numpy_vitmatte.serve.problems import Problem

Result = TypeVar("Result")

OUTSIDE = 2
"""Pictures at a time, for each lane, that are decoded but not computed, or computed but not encoded."""

_LONGEST_PAUSE = 120
"""Seconds; the most that ``Retry-After`` asks for."""


class Lane:
    """Threads that compute, a queue before them, and threads that decode the next picture and encode the last one.

    A lane goes from one picture to the next by itself: it waits neither for a decoder nor for the event loop, and hands
    its result to an encoder without waking the loop, which would take the GIL from it. A job whose client has gone is
    cancelled: it leaves the queue, or, once it is computed, is told so through an event that it looks at between two
    steps.

    Parameters
    ----------
    lanes : int
        Jobs that are computed at a time.
    queue : int
        Jobs that may wait.
    """

    def __init__(self, lanes: int, queue: int) -> None:
        self.lanes, self.queue = lanes, queue
        self.closed = False
        self._accepted = self._running = 0
        self._lock = threading.Lock()
        self._hands_free = lanes * (1 + OUTSIDE)
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._threads = ThreadPoolExecutor(lanes, "numpy-vitmatte-lane")
        self._helpers = ThreadPoolExecutor(lanes * OUTSIDE, "numpy-vitmatte-pictures")
        self._typical_seconds = 1.0

    @property
    def waiting(self) -> int:
        """The number of jobs that are accepted and not yet computed."""
        return self._accepted - self._running

    @property
    def running(self) -> int:
        """The number of jobs that are computed."""
        return self._running

    def require_room(self) -> None:
        """Refuse a job that could not even wait.

        Raises
        ------
        Problem
            503, with ``Retry-After``.
        """
        if self.closed:
            raise self._shutting_down()
        if self._accepted >= self.lanes + self.queue:
            raise self._refusal("queue_full", f"{self.waiting} pictures wait already; try again later")

    async def run(
        self,
        compute: Callable[[threading.Event], Any],
        *,
        before: Callable[[], None] | None = None,
        after: Callable[[Any], Any] | None = None,
    ) -> Any:
        """Wait for a free lane, and compute there.

        Parameters
        ----------
        compute : callable
            Gets an event that is set when nobody wants the result any more.
        before : callable, optional
            Decodes; it runs while the lane computes earlier jobs.
        after : callable, optional
            Gets the result of `compute` and makes the answer of it; it runs while the lane computes later jobs.

        Returns
        -------
        result
            The result of the last step.

        Raises
        ------
        Problem
            503: the queue is full, or the service shuts down.
        """
        place = _Place(self)
        try:
            async with self._hand():
                if before is not None:
                    decoded = self._helpers.submit(before)
                    await _end_of(decoded, decoded)
                unwanted, answered = threading.Event(), Future[Any]()
                queued = self._threads.submit(self._follow, answered, place, compute, after, unwanted)
                return await _end_of(answered, queued, unwanted)
        finally:
            place.leave()

    def close(self) -> None:
        """Send away what waits and what comes; what runs goes on."""
        self.closed = True
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_exception(self._shutting_down())

    def _follow(
        self,
        answered: Future[Any],
        place: "_Place",
        compute: Callable[[threading.Event], Any],
        after: Callable[[Any], Any] | None,
        unwanted: threading.Event,
    ) -> None:
        """Compute, in a thread of the lane, and let a helper do what comes after."""
        with _outcome(answered):
            result = self._computed(place, compute, unwanted)
            if after is None or unwanted.is_set():
                answered.set_result(result)
            else:
                self._helpers.submit(_answer, answered, after, result)

    def _computed(
        self, place: "_Place", compute: Callable[[threading.Event], Result], unwanted: threading.Event
    ) -> Result:
        if self.closed:
            raise self._shutting_down()
        self._add_running(1)
        began = time.perf_counter()
        try:
            result = compute(unwanted)
            self._typical_seconds += 0.2 * (time.perf_counter() - began - self._typical_seconds)
            return result
        finally:
            self._add_running(-1)
            place.leave()

    def _add_running(self, count: int) -> None:
        with self._lock:
            self._running += count

    @asynccontextmanager
    async def _hand(self) -> AsyncIterator[None]:
        """Be one of the few jobs whose pictures are in memory, in the order of arrival."""
        if self._hands_free:
            self._hands_free -= 1
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
        """Let the job come that has waited longest."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._hands_free += 1

    def _shutting_down(self) -> Problem:
        return self._refusal("shutting_down", "the service is shutting down; try another one, or later")

    def _refusal(self, code: str, message: str) -> Problem:
        pause = min(_LONGEST_PAUSE, max(1, math.ceil(self._typical_seconds * self._accepted / self.lanes)))
        return Problem(503, code, message, {"Retry-After": str(pause)})


class _Place:
    """One of the places for what waits and what is computed, held until the first who leaves it.

    Raises
    ------
    Problem
        No place is free.
    """

    def __init__(self, lane: Lane) -> None:
        lane.require_room()
        self._lane, self._held = lane, False
        self._count(True)

    def leave(self) -> None:
        """Free the place, in a thread of the lane or in the event loop."""
        self._count(False)

    def _count(self, held: bool) -> None:
        lane = self._lane
        with lane._lock:
            lane._accepted += held - self._held
            self._held = held


def _answer(answered: Future[Any], after: Callable[[Any], Any], result: Any) -> None:
    """Make the answer, in a helper's thread."""
    with _outcome(answered):
        answered.set_result(after(result))


@contextmanager
def _outcome(answered: Future[Any]) -> Iterator[None]:
    """Give an error to whom waits for the answer."""
    try:
        yield
    except BaseException as error:
        answered.set_exception(error)


async def _end_of(last: Future[Result], first: Future[Any], unwanted: threading.Event | None = None) -> Result:
    """Wait for the last step of some work; if it is cancelled after the first began, still wait: it holds memory."""
    done = asyncio.wrap_future(last)
    try:
        return await asyncio.shield(done)
    except asyncio.CancelledError:
        if unwanted is not None:
            unwanted.set()
        if not first.cancel():
            await asyncio.wait({done})
        raise
