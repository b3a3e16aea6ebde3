"""The checkpoints of a service: loaded before it answers, each under the name that clients choose it by."""

import importlib.util
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from numpy_vitmatte.configuration import VitMatteConfig
from numpy_vitmatte.errors import VitMatteError
from numpy_vitmatte.hub.resolve import checkpoint_directory
from numpy_vitmatte.matting.foreground import estimate_foreground
from numpy_vitmatte.model import VitMatteForImageMatting, load_packed
from numpy_vitmatte.network.memory import packed_bytes
from numpy_vitmatte.pipeline import matte
from numpy_vitmatte.pipeline.estimate import estimate_memory
from numpy_vitmatte.pipeline.memory import PYMATTING_BYTES
from numpy_vitmatte.pipeline.warmup import warmup
from numpy_vitmatte.runtime.precision import checked_precision, used_precision
from numpy_vitmatte.serve.budget import OUTSIDE_SHARE, JobBudget
from numpy_vitmatte.serve.lane import OUTSIDE
from numpy_vitmatte.serve.problems import Problem
from numpy_vitmatte.serve.settings import ServiceSettings
from numpy_vitmatte.trimaps.doctor import check_trimap
from numpy_vitmatte.trimaps.from_mask import trimap_from_mask

_logger = logging.getLogger("numpy_vitmatte")

_SERVICE = 60_000_000
"""Bytes of FastAPI, uvicorn and what they import, measured; the page's files are read from disk."""

_REQUEST = 1_000_000
"""Bytes of a request that waits, is received or answered: three files of at most ``uploads.SPOOL`` and one answer."""

RECEIVING = 32
"""Requests whose bodies arrive at a time."""


class Models:
    """Loaded checkpoints.

    Parameters
    ----------
    settings : ServiceSettings

    Raises
    ------
    VitMatteError
        A checkpoint cannot be used, two have one name, or ``max_memory`` is not enough for the smallest photo.
    """

    def __init__(self, settings: ServiceSettings) -> None:
        self.loaded: dict[str, VitMatteForImageMatting] = {}
        for source in settings.models:
            name = Path(source).name
            if name in self.loaded:
                raise VitMatteError(f"two models are called {name!r}; clients choose by that name, so give one of them")
            self.loaded[name] = load_packed(checkpoint_directory(source))
            self.loaded[name].precision = checked_precision(settings.precision)
        self.estimates_colors = importlib.util.find_spec("pymatting") is not None
        self._settings = settings
        for name in self.loaded:
            self.budget(name)

    @property
    def default(self) -> str:
        """The name of the model that is taken where a client names none."""
        return next(iter(self.loaded))

    def choose(self, name: str | None) -> tuple[str, VitMatteForImageMatting]:
        """Choose a model by its name; never a path nor anything to fetch.

        Raises
        ------
        Problem
            422: the service has no such model.
        """
        name = self.default if name is None else name
        if name not in self.loaded:
            raise Problem(422, "unknown_model", f"there is no model {name!r}; models are: {', '.join(self.loaded)}")
        return name, self.loaded[name]

    def budget(self, name: str) -> JobBudget | None:
        """Return the bytes that one matting may take so that the process keeps its limit; None: no limit.

        Every lane has an equal share of what the service itself, its requests and the other models leave.

        Raises
        ------
        VitMatteError
            Nothing is left for it.
        """
        limit, settings = self._settings.memory_bytes, self._settings
        if limit is None:
            return None
        apart = _SERVICE + _REQUEST * (settings.queue + settings.lanes + RECEIVING)
        apart += PYMATTING_BYTES * self.estimates_colors
        apart += sum(_weight_bytes(model.config) for other, model in self.loaded.items() if other != name)
        base = estimate_memory(1, 1, self.loaded[name])
        left = limit - apart - base
        if left <= 0:
            needed = -(-(apart + base) // 1_000_000)
            raise VitMatteError(
                f"{limit // 1_000_000}MB of memory are not enough for a service with model {name!r}, which takes "
                f"{needed}MB before it has a photo; allow more, or give a shorter queue or fewer models"
            )
        outside = int(left * OUTSIDE_SHARE)
        job = (left - outside) // settings.lanes
        return JobBudget(base + job, job, outside // (OUTSIDE * settings.lanes))

    def warm_up(self) -> None:
        """Compile or read every kernel that a request may need, so that none waits for it."""
        warmup()
        photo = np.zeros((40, 40, 3), np.uint8)
        trimap = np.full((40, 40), 128, np.uint8)
        trimap[:8], trimap[-8:] = 0, 255
        with _silent_thread():
            alpha = matte(photo, trimap, self.loaded[self.default], max_side=32)
        check_trimap(trimap, photo)
        trimap_from_mask(trimap, 1, 1)
        if self.estimates_colors:
            estimate_foreground(photo, alpha)


@contextmanager
def _silent_thread() -> Iterator[None]:
    """Log nothing of what this thread does: a photo that nobody sent would puzzle whoever reads the log."""
    thread = threading.get_ident()

    def by_others(record: logging.LogRecord) -> bool:
        return record.thread != thread

    _logger.addFilter(by_others)
    try:
        yield
    finally:
        _logger.removeFilter(by_others)


def _weight_bytes(config: VitMatteConfig) -> int:
    """Count a model's weights; a request may ask for one bfloat16 number in place of each as well, or for two."""
    halves = 2 + (used_precision("medium") == "medium") + 2 * (used_precision("high") == "high")
    return packed_bytes(config) * halves // 2
