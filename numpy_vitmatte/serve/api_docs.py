"""``/docs``: Swagger UI, from a package instead of a CDN, so that it works without a network."""

import importlib.util
from pathlib import Path

from fastapi import FastAPI
from starlette.responses import FileResponse, HTMLResponse
from starlette.staticfiles import StaticFiles

_HTML = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>numpy-vitmatte API</title>
<link rel="stylesheet" href="docs/assets/swagger-ui.css">
<main id="swagger-ui"></main>
<script src="docs/assets/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</html>
"""

_START = Path(__file__).resolve().parent / "page" / "api-docs.js"


def add_api_docs(app: FastAPI) -> None:
    """Add the page, its script, and Swagger UI's two files as ``fastapi-offline`` brings them."""
    package = importlib.util.find_spec("fastapi_offline")
    if package is None or package.origin is None:
        raise ModuleNotFoundError("No module named 'fastapi_offline'", name="fastapi_offline")

    async def docs() -> HTMLResponse:
        return HTMLResponse(_HTML)

    async def start() -> FileResponse:
        return FileResponse(_START, media_type="text/javascript")

    app.add_api_route("/docs", docs, methods=["GET"], include_in_schema=False)
    app.add_api_route("/docs/start.js", start, methods=["GET"], include_in_schema=False)
    app.mount("/docs/assets", StaticFiles(directory=Path(package.origin).parent / "static"), name="docs")
