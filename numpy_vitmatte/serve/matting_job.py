"""One matting: uploads in, pictures and a report out. It is read by a helper and runs on a lane, a step at a time."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from numpy_vitmatte.errors import MemoryLimitError, VitMatteError, collected_warnings
from numpy_vitmatte.matting.background import Backdrop, named_background, read_background
from numpy_vitmatte.matting.composite import composite_in_one_space, cutout
from numpy_vitmatte.matting.foreground import estimate_foreground
from numpy_vitmatte.matting.trust_map import TrustMap
from numpy_vitmatte.model import VitMatteForImageMatting
from numpy_vitmatte.pipeline import MattingResult
from numpy_vitmatte.pipeline.job import PreparedJob, prepare
from numpy_vitmatte.pipeline.memory import Extras
from numpy_vitmatte.pipeline.options import MattingOptions
from numpy_vitmatte.pipeline.photo_to_alpha import compute
from numpy_vitmatte.pipeline.trust import compute_with_trust
from numpy_vitmatte.serve.budget import JobBudget, background_bytes
from numpy_vitmatte.serve.fields import MatteFields
from numpy_vitmatte.serve.pictures import AnswerPicture
from numpy_vitmatte.serve.problems import ClientGone, too_large, unusable
from numpy_vitmatte.serve.report import StepTimes, trimap_entry
from numpy_vitmatte.serve.trimap_job import trimap_of_mask
from numpy_vitmatte.trimaps.reading import TrimapReport, read_trimap


class MattingAnswer(NamedTuple):
    """The outcome of a job.

    Attributes
    ----------
    pictures : dict of str to AnswerPicture
        By name, in the order of an archive: the alpha as floats, the others as they are to be seen.
    report : dict
        Values that JSON knows.
    """

    pictures: dict[str, AnswerPicture]
    report: dict[str, Any]


class _ReadJob(NamedTuple):
    """A job whose uploads are decoded."""

    trimap: NDArray[np.uint8]
    understood: TrimapReport
    warnings: list[str]
    prepared: PreparedJob | None  # None: only the trimap is wanted


@dataclass
class MattingJob:
    """A job of matting, with every upload opened by its header.

    Attributes
    ----------
    name, model : str, VitMatteForImageMatting
    fields : MatteFields
    images : dict of str to PIL.Image.Image
        "image", "trimap" or "mask", perhaps "background".
    estimated : bool
        The subject's colors are estimated.
    budget : JobBudget or None
        What it may take; None: no limit.
    """

    name: str
    model: VitMatteForImageMatting
    fields: MatteFields
    images: dict[str, Image.Image]
    estimated: bool
    budget: JobBudget | None
    times: StepTimes = field(default_factory=StepTimes)
    _read: _ReadJob | None = None

    def __post_init__(self) -> None:
        """Count pixels while the images are there."""
        self.pixels = self.images["image"].width * self.images["image"].height
        largest = max(image.width * image.height for name, image in self.images.items() if name != "background")
        self.overlaps = self.budget is None or self.budget.overlaps(largest)

    def read(self) -> None:
        """Decode the uploads, which may be done while another job is computed.

        Raises
        ------
        Problem
        """
        with _as_problems():
            max_memory = self._network_memory()
            with self.times.step("read"), collected_warnings() as caught:
                trimap, understood, warnings = self._trimap()
                prepared = None if self.fields.output == "trimap" else self._prepare(trimap, max_memory)
            self._read = _ReadJob(trimap, understood, warnings + caught, prepared)
            for name in self.images.keys() - {"background"}:  # what Pillow has decoded takes as much once more
                del self.images[name]

    def run(self, unwanted: threading.Event) -> MattingAnswer:
        """Compute; what is not read yet is read first.

        Parameters
        ----------
        unwanted : threading.Event
            Set when the client has gone.

        Raises
        ------
        Problem
        ClientGone
        """
        if self._read is None:
            self.read()
        assert self._read is not None
        trimap, understood, warnings, prepared = self._read
        if prepared is None:
            return MattingAnswer({"trimap": AnswerPicture(trimap)}, self._report(trimap.shape, understood, warnings))
        with _as_problems():
            _stop_if(unwanted)
            with self.times.step("matte"), collected_warnings() as caught:
                result, trust = self._matte(prepared)
            _stop_if(unwanted)
            with self.times.step("pictures"):
                pictures = self._pictures(result, trust)
            lines = trust.lines() if trust else []
            report = self._report(trimap.shape, understood, warnings + caught + lines)
            report["computed"] = _computed(result)
            report["precision"] = result.precision
            return MattingAnswer(pictures, report)

    def _network_memory(self) -> int | None:
        """Return the memory that an uploaded background leaves for the matting; what would not fit is refused."""
        if self.budget is None:
            return None
        for name in self.images.keys() & {"trimap", "mask"}:
            self.budget.require_trimap(self.images[name], made=name == "mask")
        beside = background_bytes(self.images.get("background"))
        if self._colored:
            blended = self.fields.output != "cutout"
            self.budget.require_pictures(
                self.images["image"], beside, composite=blended, estimated=self.estimated, linear=self.fields.linear
            )
        return max(self.budget.max_memory - beside, 1)

    @property
    def _colored(self) -> bool:
        return self.fields.output in ("cutout", "composite", "all")

    def _trimap(self) -> tuple[NDArray[np.uint8], TrimapReport, list[str]]:
        """Return the trimap, its report, and what was said while it was made."""
        if "trimap" in self.images:
            return *read_trimap(self.images["trimap"]), []
        widths = {name: width for name in ("erode", "dilate") if (width := getattr(self.fields, name)) is not None}
        trimap, warnings = trimap_of_mask(self.images["mask"], widths)
        return trimap, read_trimap(trimap)[1], warnings

    @property
    def _with_trust(self) -> bool:
        return self.fields.trust or self.fields.output == "trust"

    def _prepare(self, trimap: NDArray[np.uint8], max_memory: int | None) -> PreparedJob:
        fields = self.fields
        options: MattingOptions = {
            "max_memory": max_memory, "max_side": fields.max_side, "upscale": fields.upscale,
            "profile": fields.profile, "raw": fields.raw, "precision": fields.precision,
        }  # fmt: skip
        return prepare(self.images["image"], trimap, self.model, options, Extras(trust=self._with_trust))

    def _matte(self, prepared: PreparedJob) -> tuple[MattingResult, TrustMap | None]:
        return compute_with_trust(prepared) if self._with_trust else (compute(prepared), None)

    def _pictures(self, result: MattingResult, trust: TrustMap | None) -> dict[str, AnswerPicture]:
        output, fields = self.fields.output, self.fields
        pictures: dict[str, AnswerPicture] = {}
        if output in ("alpha", "all"):
            pictures["alpha"] = AnswerPicture(result.alpha)
        if self._colored:
            colors = result.photo
            if self.estimated:
                colors = estimate_foreground(result.photo, result.alpha, linear=fields.linear)
            if output in ("cutout", "all"):
                pictures["cutout"] = AnswerPicture(cutout(colors, result.alpha), result.icc_profile)
            backdrop = self._backdrop(result.icc_profile)
            if backdrop:
                blended = composite_in_one_space(
                    colors, result.alpha, result.icc_profile, backdrop, linear=fields.linear
                )
                pictures["composite"] = AnswerPicture(*blended)
        if output == "all":
            pictures["trimap"] = AnswerPicture(result.trimap)
        if trust:
            pictures["trust"] = AnswerPicture(trust.picture())
        return pictures

    def _backdrop(self, icc_profile: bytes | None) -> Backdrop | None:
        """Read what the subject stands before; a name is a color or the checkerboard, never a path."""
        if "background" in self.images:
            return read_background(self.images["background"], self.fields.fit or "cover", icc_profile)
        name = self.fields.background
        return None if name is None else named_background(name)

    def _report(self, shape: tuple[int, ...], understood: TrimapReport, warnings: list[str]) -> dict[str, Any]:
        return {
            "model": self.name,
            "profile": self.fields.profile,
            "width": shape[1],
            "height": shape[0],
            "trimap": trimap_entry(understood),
            "computed": None,
            "precision": None,
            "colors": ("estimated" if self.estimated else "photo") if self._colored else None,
            "warnings": warnings,
            "seconds": self.times.seconds,
        }


@contextmanager
def _as_problems() -> Iterator[None]:
    """Turn the package's errors into answers."""
    try:
        yield
    except MemoryError:
        raise too_large("not enough memory for a photo of this size; try max_side 2048") from None
    except MemoryLimitError as error:
        raise too_large(str(error)) from error
    except VitMatteError as error:
        raise unusable(error) from error


def _computed(result: MattingResult) -> dict[str, float]:
    """Return the shares of the decoder's pixels and of the last block's tokens that were computed."""
    computed = result.computed
    return {"pixels": round(computed.pixels, 4), "tokens": round(computed.tokens, 4)}


def _stop_if(unwanted: threading.Event) -> None:
    if unwanted.is_set():
        raise ClientGone
