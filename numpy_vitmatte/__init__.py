"""ViTMatte in NumPy and Numba: a photo and a trimap in, the alpha matte out, on a CPU."""

from numpy_vitmatte.errors import CheckpointError, ConfigurationError, ImageError, VitMatteError

__version__ = "0.1.0"

__all__ = ["CheckpointError", "ConfigurationError", "ImageError", "VitMatteError", "__version__"]
