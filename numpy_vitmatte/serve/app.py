"""The ASGI application: paths, middleware, and what is served in addition to the API."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from numpy_vitmatte._version import __version__
from numpy_vitmatte.serve import problems
from numpy_vitmatte.serve.api_docs import add_api_docs
from numpy_vitmatte.serve.endpoints import matte_endpoint, trimap_endpoint
from numpy_vitmatte.serve.limits import Limits
from numpy_vitmatte.serve.linger import Linger
from numpy_vitmatte.serve.metrics import CountRequests
from numpy_vitmatte.serve.openapi import matte_operation, problem_responses, trimap_operation
from numpy_vitmatte.serve.report import HEADER
from numpy_vitmatte.serve.security import Guard
from numpy_vitmatte.serve.service import Service
from numpy_vitmatte.serve.settings import ServiceSettings

PAGE = Path(__file__).resolve().parent / "page"
DEMO = Path(__file__).resolve().parents[1] / "demo"

_DESCRIPTION = "The service estimates the alpha of a photo with ViTMatte, on a CPU."


def create_app(settings: ServiceSettings | None = None) -> FastAPI:
    """Make the service as an ASGI application.

    Its checkpoints are loaded here; kernels are compiled when it starts, or at its first request where it is mounted in
    another application.

    Parameters
    ----------
    settings : ServiceSettings, optional

    Returns
    -------
    fastapi.FastAPI
        ``app.state.service`` is what its requests share.

    Raises
    ------
    VitMatteError
        A checkpoint cannot be used, or ``max_memory`` is not enough.
    """
    settings = settings or ServiceSettings()
    service = Service(settings)

    @asynccontextmanager
    async def lifespan(_: Any) -> AsyncIterator[None]:
        service.start()
        yield
        service.lane.close()

    app = FastAPI(
        title="numpy-vitmatte", version=__version__, description=_DESCRIPTION, lifespan=lifespan,
        docs_url=None, redoc_url=None,
    )  # fmt: skip
    app.state.service = service
    _add_problems(app)
    _add_api(app, service)
    _add_probes(app, service)
    add_api_docs(app)
    if settings.page:
        _add_page(app)
    # The last one added sees a request first.
    app.add_middleware(Limits, settings.upload_bytes, settings.timeout)
    app.add_middleware(
        CORSMiddleware, allow_origins=settings.allowed_origins, allow_methods=["GET", "POST"],
        allow_headers=["Authorization"], expose_headers=[HEADER, "Retry-After"],
    )  # fmt: skip
    app.add_middleware(Guard, settings)
    app.add_middleware(CountRequests, service.metrics)
    app.add_middleware(_StartWhenMounted, service)
    app.add_middleware(Linger)
    return app


class _StartWhenMounted:
    """Middleware that starts the service at its first request: a mounted application hears of no other beginning."""

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self.app, self.service = app, service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.service.start()
        await self.app(scope, receive, send)


def _add_problems(app: FastAPI) -> None:
    for kind, answer in (
        (problems.Problem, problems.answer_problem),
        (problems.ClientGone, problems.answer_gone),
        (ClientDisconnect, problems.answer_gone),
        (HTTPException, problems.answer_http_exception),
        (Exception, problems.answer_unexpected),
    ):
        app.add_exception_handler(kind, answer)


def _bound(
    endpoint: Callable[[Service, Request], Awaitable[Response]], service: Service
) -> Callable[[Request], Awaitable[Response]]:
    async def bound(request: Request) -> Response:
        return await endpoint(service, request)

    bound.__doc__ = endpoint.__doc__
    return bound


def _add_api(app: FastAPI, service: Service) -> None:
    refusals = problem_responses(400, 401, 403, 408, 413, 415, 421, 422, 503)
    for path, endpoint, operation in (
        ("/v1/matte", matte_endpoint, matte_operation()),
        ("/v1/trimap", trimap_endpoint, trimap_operation()),
    ):
        app.add_api_route(
            path, _bound(endpoint, service), methods=["POST"], responses=refusals, openapi_extra=operation,
            response_class=Response, name=path.rpartition("/")[2], **_described(endpoint),
        )  # fmt: skip

    async def models() -> JSONResponse:
        """List the models to choose from, and say what the service can do."""
        loaded = service.models
        settings = service.settings
        return JSONResponse(
            {
                "models": list(loaded.loaded),
                "default": loaded.default,
                "colors": ["estimated", "photo"] if loaded.estimates_colors else ["photo"],
                "max_pixels": settings.max_pixels,
                "max_upload": settings.upload_bytes,
                "version": __version__,
            }
        )

    app.add_api_route(
        "/v1/models", models, methods=["GET"], responses=problem_responses(401, 403, 421), **_described(models)
    )


def _described(endpoint: Callable[..., Any]) -> dict[str, Any]:
    """Let an endpoint's first sentence be what the API's page says of it."""
    sentence = (endpoint.__doc__ or "").partition("\n")[0]
    return {"summary": sentence, "description": sentence}


def _add_probes(app: FastAPI, service: Service) -> None:
    async def healthz() -> PlainTextResponse:
        """Say that the process is alive."""
        return PlainTextResponse("ok\n")

    async def readyz() -> PlainTextResponse:
        """Say whether weights are loaded, kernels compiled, and a place in the queue is free."""
        service.require_ready()
        return PlainTextResponse("ready\n")

    async def metrics() -> Response:
        """Give the service's numbers to Prometheus."""
        return Response(service.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    for path, endpoint, statuses in (
        ("/healthz", healthz, (403,)),
        ("/readyz", readyz, (403, 503)),
        ("/metrics", metrics, (401, 403, 421)),
    ):
        app.add_api_route(
            path, endpoint, methods=["GET"], response_class=PlainTextResponse, responses=problem_responses(*statuses),
            **_described(endpoint),
        )  # fmt: skip


def _add_page(app: FastAPI) -> None:
    async def index() -> FileResponse:
        return FileResponse(PAGE / "index.html", headers={"Cache-Control": "no-cache"})

    async def icon() -> RedirectResponse:
        return RedirectResponse("page/icon.svg")

    app.add_api_route("/", index, methods=["GET"], include_in_schema=False)
    app.add_api_route("/favicon.ico", icon, methods=["GET"], include_in_schema=False)
    app.mount("/page", StaticFiles(directory=PAGE), name="page")
    app.mount("/demo", StaticFiles(directory=DEMO), name="demo")
