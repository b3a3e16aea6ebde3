"""ViTMatte in NumPy and Numba: a photo and a trimap in, the alpha matte out, on a CPU."""

from numpy_vitmatte._version import __version__
from numpy_vitmatte.configuration import VitDetConfig, VitMatteConfig
from numpy_vitmatte.errors import CheckpointError, ConfigurationError, DownloadError, ImageError, VitMatteError
from numpy_vitmatte.hub.resolve import bundled_checkpoints
from numpy_vitmatte.matting.background import read_background
from numpy_vitmatte.matting.composite import composite, cutout
from numpy_vitmatte.matting.foreground import estimate_foreground
from numpy_vitmatte.matting.trust_map import TrustMap
from numpy_vitmatte.model import ImageMattingOutput, VitMatteForImageMatting
from numpy_vitmatte.pipeline.estimate import estimate_memory
from numpy_vitmatte.pipeline.photo_to_alpha import MattingResult, matte, matte_with_report
from numpy_vitmatte.pipeline.trust import matte_with_trust
from numpy_vitmatte.pipeline.warmup import warmup
from numpy_vitmatte.processing import HustvlImageProcessor, VitMatteImageProcessor
from numpy_vitmatte.runtime.threads import get_num_threads, set_num_threads
from numpy_vitmatte.tracing import compare_traces, read_trace, save_trace, trace
from numpy_vitmatte.trimaps.doctor import check_trimap
from numpy_vitmatte.trimaps.findings import TrimapDiagnosis
from numpy_vitmatte.trimaps.from_mask import trimap_from_mask
from numpy_vitmatte.trimaps.reading import TrimapReport, read_trimap

__all__ = [
    "CheckpointError",
    "ConfigurationError",
    "DownloadError",
    "HustvlImageProcessor",
    "ImageError",
    "ImageMattingOutput",
    "MattingResult",
    "TrimapDiagnosis",
    "TrimapReport",
    "TrustMap",
    "VitDetConfig",
    "VitMatteConfig",
    "VitMatteError",
    "VitMatteForImageMatting",
    "VitMatteImageProcessor",
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
