"""The job of one photo of a folder, with everything that a process on any machine needs, and its outcome.

The runners (``local``, ``cluster``) only decide where :func:`run_job` is called.
"""

import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from numpy_vitmatte.batch.limits import Limits
from numpy_vitmatte.errors import VitMatteError, collected_warnings, one_line
from numpy_vitmatte.hub.resolve import checkpoint_directory
from numpy_vitmatte.images.pixel_limit import pixel_limit
from numpy_vitmatte.images.writing import save_alpha
from numpy_vitmatte.model import VitMatteForImageMatting
from numpy_vitmatte.pipeline.network_size import network_size
from numpy_vitmatte.pipeline.options import MattingOptions
from numpy_vitmatte.pipeline.photo_to_alpha import matte, matte_with_report
from numpy_vitmatte.trimaps.reading import UNKNOWN


@dataclass(frozen=True)
class FolderOptions:
    """The options that all photos of a folder are matted with.

    Attributes
    ----------
    model : str
        Name or absolute directory of the checkpoint.
    matting : MattingOptions
        Keywords of :func:`~numpy_vitmatte.matte` that are the same for all photos and on all machines. The precision
        is the one that products are computed in on the machine of the command: the folder's record keeps it.
    bits : {8, 16}
        Bits of the alpha's PNG.
    masks : bool
        The trimaps are masks, of which trimaps are made.
    """

    model: str
    matting: MattingOptions = field(default_factory=MattingOptions, hash=False)
    bits: int = 8
    masks: bool = False


@dataclass(frozen=True)
class Job:
    """One photo: absolute paths in, absolute path out, so that any process on the same disk can do it."""

    stem: str
    photo: Path
    trimap: Path
    output: Path
    options: FolderOptions
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True)
class Outcome:
    """The outcome of a job.

    Attributes
    ----------
    job : Job
    error : str or None
        The reason why there is no output, on one line; None if there is one.
    warnings : tuple of str
        This package's warnings, about the trimap or in general.
    seconds : float
    """

    job: Job
    error: str | None = None
    warnings: tuple[str, ...] = ()
    seconds: float = 0.0


def check_options(options: FolderOptions) -> None:
    """Load the checkpoint and matte a tiny photo, then let go of both.

    An unusable checkpoint is thus reported once, before anything is written, and the kernels are compiled once instead
    of by all workers at the same time.

    Raises
    ------
    VitMatteError
        The checkpoint or an option cannot be used.
    """
    network_size(1, 1, options.matting.get("max_side"), options.matting.get("upscale"))
    # Not by name: this process would then keep the checkpoint in memory, in addition to the workers.
    directory = checkpoint_directory(options.model)
    model = VitMatteForImageMatting.from_pretrained(directory)
    small = MattingOptions(max_side=None, upscale=None, erode=None, dilate=None, depth=None)
    matte(np.zeros((32, 32, 3), np.uint8), np.full((32, 32), UNKNOWN, np.uint8), model, **options.matting | small)


def run_job(job: Job) -> Outcome:
    """Matte one photo and write its alpha, completely or not at all. The outcome holds whatever goes wrong.

    Parameters
    ----------
    job : Job

    Returns
    -------
    Outcome
    """
    started = time.perf_counter()
    error: str | None = None
    said: list[str] = []
    with collected_warnings() as caught:
        try:
            said += _matte_and_save(job)
        except VitMatteError as refusal:
            error = str(refusal)
        except MemoryError:
            error = "not enough memory for a photo of this size; scale it down, or give --max-side 2048"
        except Exception as trouble:  # the other photos are worth more than this one's traceback
            error = f"unexpected {type(trouble).__name__}: {trouble}; please report it"
    return Outcome(job, error and one_line(error), tuple(map(one_line, said + caught)), time.perf_counter() - started)


def _matte_and_save(job: Job) -> tuple[str, ...]:
    """Do the job, and return what is probably not as meant in its trimap."""
    options = job.options
    with pixel_limit(job.limits.max_pixels):  # a worker is a process of its own, which knows nothing of the command's
        mask = job.trimap if options.masks else None
        matting = options.matting | MattingOptions(max_memory=job.limits.max_memory, mask=mask)
        result = matte_with_report(job.photo, None if options.masks else job.trimap, options.model, **matting)
    save_alpha(job.output, result.alpha, options.bits)
    return tuple(result.report.warnings)
