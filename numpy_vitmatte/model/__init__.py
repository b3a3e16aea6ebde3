"""Configuration, tensors and network together, behind transformers' names, batches and layout."""

from numpy_vitmatte.model.auto import AutoModelForImageMatting
from numpy_vitmatte.model.image_matting import VitMatteForImageMatting, load_packed
from numpy_vitmatte.model.output import ImageMattingOutput

__all__ = ["AutoModelForImageMatting", "ImageMattingOutput", "VitMatteForImageMatting", "load_packed"]
