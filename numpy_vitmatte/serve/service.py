"""The state that the requests of one service share: settings, models, lane, numbers; and whether it is ready."""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from starlette.requests import Request

from numpy_vitmatte.runtime.threads import set_num_threads
from numpy_vitmatte.serve.lane import Lane
from numpy_vitmatte.serve.metrics import Metrics
from numpy_vitmatte.serve.models import RECEIVING, Models
from numpy_vitmatte.serve.problems import ClientGone, Problem
from numpy_vitmatte.serve.settings import ServiceSettings
from numpy_vitmatte.serve.uploads import Form, receive_form

Result = TypeVar("Result")

_logger = logging.getLogger("numpy_vitmatte")


class Service:
    """One service.

    Parameters
    ----------
    settings : ServiceSettings

    Raises
    ------
    VitMatteError
        See :class:`~numpy_vitmatte.serve.models.Models`.
    """

    def __init__(self, settings: ServiceSettings) -> None:
        if settings.threads is not None:
            set_num_threads(settings.threads)
        self.settings = settings
        self.models = Models(settings)
        self.lane = Lane(settings.lanes, settings.queue)
        self.metrics = Metrics(self.lane)
        self._receiving = 0
        self.ready = False
        self._warming: threading.Thread | None = None

    def start(self) -> None:
        """Compile and read what requests need, in the background; called again, it does nothing."""
        if self._warming is None:
            self._warming = threading.Thread(target=self._warm_up, name="numpy-vitmatte-warm-up", daemon=True)
            self._warming.start()

    def _warm_up(self) -> None:
        try:
            self.models.warm_up()
        except Exception:
            _logger.exception("the kernels cannot be prepared; the service stays unready")
            return
        self.ready = True

    def require_ready(self) -> None:
        """Refuse work that would wait for the compiler, or in a queue that is full.

        Raises
        ------
        Problem
            503, with ``Retry-After``.
        """
        if not self.ready:
            message = "the service is starting: kernels are compiled once, in up to half a minute; try again later"
            raise Problem(503, "starting", message, {"Retry-After": "5"})
        self.lane.require_room()

    async def receive(self, request: Request, file_names: frozenset[str]) -> Form:
        """Receive a form, one of few at a time; parameters and errors are those of ``receive_form``.

        Raises
        ------
        Problem
            503 also where too many requests arrive at once.
        """
        self.require_ready()
        if self._receiving >= RECEIVING:
            message = f"{self._receiving} requests are being received already; try again later"
            raise Problem(503, "too_many_uploads", message, {"Retry-After": "2"})
        self._receiving += 1
        try:
            return await receive_form(request, file_names)
        finally:
            self._receiving -= 1

    async def compute(
        self,
        request: Request,
        job: Callable[[threading.Event, float], Any],
        before: Callable[[], None] | None = None,
        after: Callable[[Any], Any] | None = None,
    ) -> Any:
        """Wait for the lane and compute, as long as the client stays.

        Parameters
        ----------
        request : starlette.requests.Request
            Its body has been received.
        job : callable
            Gets an event that is set when the client has gone, and the seconds that the job waited.
        before, after : callable, optional
            As for :meth:`~numpy_vitmatte.serve.lane.Lane.run`.

        Raises
        ------
        Problem
            503: the queue is full, or the service shuts down.
        ClientGone
        """
        arrived = time.perf_counter()

        def timed(unwanted: threading.Event) -> Any:
            began = time.perf_counter()
            self.metrics.queue_seconds.observe(began - arrived)
            try:
                return job(unwanted, began - arrived)
            finally:
                self.metrics.compute_seconds.observe(time.perf_counter() - began)

        return await while_connected(request, self.lane.run(timed, before=before, after=after))


async def while_connected(request: Request, work: Coroutine[Any, Any, Result]) -> Result:
    """Do some work for a client whose body has been received; if the client goes away, cancel the work.

    Raises
    ------
    ClientGone
    """
    task, gone = asyncio.create_task(work), asyncio.create_task(_disconnected(request))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        raise ClientGone
    finally:
        for each in (task, gone):
            each.cancel()
        await asyncio.gather(task, gone, return_exceptions=True)


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
