"""ViTMatte in NumPy and Numba: a photo and a trimap in, the alpha matte out, on a CPU.

Every name below, and every room of the package, is imported when it is first asked for (PEP 562).
"""

import logging  # noqa: F401  (hooks of fork run last registered first: its lock must be free while ours waits)
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from numpy_vitmatte._version import __version__

if TYPE_CHECKING:
    from numpy_vitmatte.configuration import AutoConfig, VitDetConfig, VitMatteConfig
    from numpy_vitmatte.errors import (
        CheckpointError,
        ConfigurationError,
        DownloadError,
        ImageError,
        MemoryLimitError,
        VitMatteError,
    )
    from numpy_vitmatte.hub.resolve import bundled_checkpoints
    from numpy_vitmatte.matting.background import read_background
    from numpy_vitmatte.matting.composite import composite, cutout
    from numpy_vitmatte.matting.foreground import estimate_foreground
    from numpy_vitmatte.matting.trust_map import TrustMap
    from numpy_vitmatte.model import AutoModelForImageMatting, ImageMattingOutput, VitMatteForImageMatting
    from numpy_vitmatte.pipeline.estimate import estimate_memory
    from numpy_vitmatte.pipeline.photo_to_alpha import MattingResult, matte, matte_with_report
    from numpy_vitmatte.pipeline.trust import matte_with_trust
    from numpy_vitmatte.pipeline.warmup import warmup
    from numpy_vitmatte.processing import (
        AutoImageProcessor,
        AutoProcessor,
        HustvlImageProcessor,
        VitMatteImageProcessor,
        VitMatteImageProcessorFast,
        VitMatteImageProcessorPil,
    )
    from numpy_vitmatte.runtime.threads import get_num_threads, set_num_threads
    from numpy_vitmatte.tracing import compare_traces, read_trace, save_trace, trace
    from numpy_vitmatte.trimaps.doctor import check_trimap
    from numpy_vitmatte.trimaps.findings import TrimapDiagnosis
    from numpy_vitmatte.trimaps.from_mask import trimap_from_mask
    from numpy_vitmatte.trimaps.reading import TrimapReport, read_trimap

__all__ = [
    "AutoConfig",
    "AutoImageProcessor",
    "AutoModelForImageMatting",
    "AutoProcessor",
    "CheckpointError",
    "ConfigurationError",
    "DownloadError",
    "HustvlImageProcessor",
    "ImageError",
    "ImageMattingOutput",
    "MattingResult",
    "MemoryLimitError",
    "TrimapDiagnosis",
    "TrimapReport",
    "TrustMap",
    "VitDetConfig",
    "VitMatteConfig",
    "VitMatteError",
    "VitMatteForImageMatting",
    "VitMatteImageProcessor",
    "VitMatteImageProcessorFast",
    "VitMatteImageProcessorPil",
    "__version__",
    "bundled_checkpoints",
    "check_trimap",
    "compare_traces",
    "composite",
    "cutout",
    "estimate_foreground",
    "estimate_memory",
    "get_num_threads",
    "matte",
    "matte_with_report",
    "matte_with_trust",
    "read_background",
    "read_trace",
    "read_trimap",
    "save_trace",
    "set_num_threads",
    "trace",
    "trimap_from_mask",
    "warmup",
]

_HOME = {
    "AutoConfig": "configuration",
    "AutoImageProcessor": "processing",
    "AutoModelForImageMatting": "model",
    "AutoProcessor": "processing",
    "CheckpointError": "errors",
    "ConfigurationError": "errors",
    "DownloadError": "errors",
    "HustvlImageProcessor": "processing",
    "ImageError": "errors",
    "ImageMattingOutput": "model",
    "MattingResult": "pipeline.photo_to_alpha",
    "MemoryLimitError": "errors",
    "TrimapDiagnosis": "trimaps.findings",
    "TrimapReport": "trimaps.reading",
    "TrustMap": "matting.trust_map",
    "VitDetConfig": "configuration",
    "VitMatteConfig": "configuration",
    "VitMatteError": "errors",
    "VitMatteForImageMatting": "model",
    "VitMatteImageProcessor": "processing",
    "VitMatteImageProcessorFast": "processing",
    "VitMatteImageProcessorPil": "processing",
    "bundled_checkpoints": "hub.resolve",
    "check_trimap": "trimaps.doctor",
    "compare_traces": "tracing",
    "composite": "matting.composite",
    "cutout": "matting.composite",
    "estimate_foreground": "matting.foreground",
    "estimate_memory": "pipeline.estimate",
    "get_num_threads": "runtime.threads",
    "matte": "pipeline.photo_to_alpha",
    "matte_with_report": "pipeline.photo_to_alpha",
    "matte_with_trust": "pipeline.trust",
    "read_background": "matting.background",
    "read_trace": "tracing",
    "read_trimap": "trimaps.reading",
    "save_trace": "tracing",
    "set_num_threads": "runtime.threads",
    "trace": "tracing",
    "trimap_from_mask": "trimaps.from_mask",
    "warmup": "pipeline.warmup",
}
"""The module in which each name of ``__all__`` is made."""


_importing: set[int] = set()
"""Threads that import what was asked for."""
_change = threading.Condition()


@contextmanager
def _fork_waits() -> Iterator[None]:
    """Let forks wait for the block: a child finds a module locked for ever that a thread it lacks has half imported."""
    thread = threading.get_ident()
    outermost = thread not in _importing
    with _change:
        _importing.add(thread)
    try:
        yield
    finally:
        if outermost:
            with _change:
                _importing.discard(thread)
                _change.notify_all()


def _before_fork() -> None:
    _change.acquire()
    _change.wait_for(lambda: _importing <= {threading.get_ident()}, _LONGEST_WAIT)


def _after_fork_in_child() -> None:
    global _change
    _change = threading.Condition()
    _importing.intersection_update({threading.get_ident()})


_LONGEST_WAIT = 30
"""Seconds that a fork waits; an import that takes longer may itself wait for whoever forks."""

if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork, after_in_parent=lambda: _change.release(), after_in_child=_after_fork_in_child
    )


def __getattr__(name: str) -> Any:
    module = _HOME.get(name, name)
    path = f"{__name__}.{module}"
    if name not in _HOME and (name.startswith("_") or find_spec(path) is None):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    with _fork_waits():
        found = import_module(path)
    value = getattr(found, name) if name in _HOME else found
    globals()[name] = value  # the next look-up does not come here
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
