"""The endpoints that compute: receive, look at the headers, wait for a lane, answer."""

import asyncio
import threading
from contextlib import aclosing
from typing import IO

from PIL import Image
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from numpy_vitmatte.errors import VitMatteError
from numpy_vitmatte.matting.foreground import require_pymatting
from numpy_vitmatte.serve.answers import archive, one_picture, several_parts
from numpy_vitmatte.serve.fields import (
    MatteFields,
    TrimapFields,
    check_matte_fields,
    check_trimap_fields,
    parse_fields,
)
from numpy_vitmatte.serve.matting_job import MattingAnswer, MattingJob
from numpy_vitmatte.serve.pictures import AnswerPicture, open_upload
from numpy_vitmatte.serve.problems import too_large, unusable
from numpy_vitmatte.serve.service import Service
from numpy_vitmatte.serve.trimap_job import TrimapJob

MATTE_FILES = frozenset({"image", "trimap", "mask", "background"})
TRIMAP_FILES = frozenset({"image", "trimap", "mask"})


async def matte_endpoint(service: Service, request: Request) -> Response:
    """Estimate the alpha of a photo, and answer the picture that is wanted.

    Raises
    ------
    Problem
    """
    async with aclosing(await service.receive(request, MATTE_FILES)) as form:
        fields = parse_fields(MatteFields, form.texts)
        check_matte_fields(fields, frozenset(form.files))
        name, model = service.models.choose(fields.model)
        images = await asyncio.to_thread(_open_all, form.files, service.settings.max_pixels)
        _require_size_for_network(fields, images["image"], service.settings.max_pixels)
        estimated = _estimated(service, fields)
        job = MattingJob(name, model, fields, images, estimated, service.models.budget(name))

        def compute(unwanted: threading.Event, waited: float) -> MattingAnswer:
            job.times.seconds["queue"] = round(waited, 4)
            made = job.run(unwanted)
            service.metrics.pixels.inc(job.pixels)
            return made

        def answer(made: MattingAnswer) -> Response:
            if fields.report == "part":
                return several_parts(made.pictures, fields.format, made.report)
            if fields.output == "all":
                return archive(made.pictures, fields.format, made.report)
            return one_picture(fields.output, made.pictures[fields.output], fields.format, made.report)

        if job.overlaps:
            return await service.compute(request, compute, job.read, answer)
        return await service.compute(request, lambda *given: answer(compute(*given)))


async def trimap_endpoint(service: Service, request: Request) -> Response:
    """Make a trimap of a mask, or examine one.

    Raises
    ------
    Problem
    """
    async with aclosing(await service.receive(request, TRIMAP_FILES)) as form:
        fields = parse_fields(TrimapFields, form.texts)
        check_trimap_fields(fields, frozenset(form.files))
        images = await asyncio.to_thread(_open_all, form.files, service.settings.max_pixels)
        job = TrimapJob(fields, images, service.models.budget(service.models.default))

        def work(unwanted: threading.Event, _: float) -> Response:
            trimap, report = job.run(unwanted)
            if fields.check and not fields.repair:
                return JSONResponse(report)
            return one_picture("trimap", AnswerPicture(trimap), fields.format, report)

        return await service.compute(request, work)


def _open_all(files: dict[str, IO[bytes]], max_pixels: int) -> dict[str, Image.Image]:
    """Open every upload by its header; errors call the image what the command line calls it."""
    try:
        return {
            name: open_upload(file, "photo" if name == "image" else name, max_pixels) for name, file in files.items()
        }
    except VitMatteError as error:
        raise unusable(error) from error


def _require_size_for_network(fields: MatteFields, photo: Image.Image, max_pixels: int) -> None:
    """Refuse a photo that would be enlarged beyond the limit of the service; matting refuses factors that cannot be."""
    factor = fields.upscale or 1.0
    pixels = photo.width * photo.height
    if 1 < factor <= 4 and pixels * factor**2 > max_pixels:
        raise too_large(
            f"photo is refused: enlarged {factor:g} times it has more than the {max_pixels} pixels that this service "
            "lets the network see; give a smaller upscale"
        )


def _estimated(service: Service, fields: MatteFields) -> bool:
    """Say whether the subject's colors are estimated: where pymatting is, unless the photo's own are asked for."""
    if fields.colors == "estimated":
        try:
            require_pymatting()
        except VitMatteError as error:
            raise unusable(error) from error
    return service.models.estimates_colors if fields.colors is None else fields.colors == "estimated"
