"""Photo and trimap to the network's input, as transformers' ViTMatte image processor makes it."""

from numpy_vitmatte.hub.file_names import PREPROCESSOR_FILE
from numpy_vitmatte.processing.auto import (
    AutoImageProcessor,
    AutoProcessor,
    VitMatteImageProcessorFast,
    VitMatteImageProcessorPil,
)
from numpy_vitmatte.processing.batch_feature import BatchFeature
from numpy_vitmatte.processing.hustvl import HustvlImageProcessor
from numpy_vitmatte.processing.processor import VitMatteImageProcessor
from numpy_vitmatte.processing.settings import (
    IMAGENET_DEFAULT_MEAN,
    IMAGENET_DEFAULT_STD,
    IMAGENET_STANDARD_MEAN,
    IMAGENET_STANDARD_STD,
    ProcessorSettings,
)

__all__ = [
    "IMAGENET_DEFAULT_MEAN",
    "IMAGENET_DEFAULT_STD",
    "IMAGENET_STANDARD_MEAN",
    "IMAGENET_STANDARD_STD",
    "PREPROCESSOR_FILE",
    "AutoImageProcessor",
    "AutoProcessor",
    "BatchFeature",
    "HustvlImageProcessor",
    "ProcessorSettings",
    "VitMatteImageProcessor",
    "VitMatteImageProcessorFast",
    "VitMatteImageProcessorPil",
]
