"""Numbers for Prometheus: requests, the queue, seconds, pixels, and what the process takes."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from numpy_vitmatte.serve.lane import Lane

_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)


class Metrics:
    """The numbers of one service, in a registry of their own.

    Parameters
    ----------
    lane : Lane
        Asked for its queue whenever somebody reads the numbers.
    """

    def __init__(self, lane: Lane) -> None:
        self.registry = CollectorRegistry()
        prefix = "numpy_vitmatte"
        self.requests = Counter(f"{prefix}_requests", "Requests answered.", ["path", "status"], registry=self.registry)
        self.pixels = Counter(f"{prefix}_pixels", "Pixels of photos that were matted.", registry=self.registry)
        self.queue_seconds = Histogram(
            f"{prefix}_queue_seconds", "Seconds a picture waited.", buckets=_SECONDS, registry=self.registry
        )
        self.compute_seconds = Histogram(
            f"{prefix}_compute_seconds", "Seconds a picture was computed.", buckets=_SECONDS, registry=self.registry
        )
        waiting = Gauge(f"{prefix}_queue_length", "Pictures that wait.", registry=self.registry)
        waiting.set_function(lambda: lane.waiting)
        running = Gauge(f"{prefix}_running", "Pictures that are computed.", registry=self.registry)
        running.set_function(lambda: lane.running)
        ProcessCollector(registry=self.registry)  # resident memory, CPU seconds, open files; on Linux

    def text(self) -> bytes:
        """Return all numbers in Prometheus' text format."""
        return generate_latest(self.registry)


class CountRequests:
    """Middleware that counts answers by path and status; of unknown paths it keeps no names."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app, self.metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and look at its answer."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                path = getattr(scope.get("route"), "path", "other")
                self.metrics.requests.labels(path, str(message["status"])).inc()
            await send(message)

        await self.app(scope, receive, counted)
