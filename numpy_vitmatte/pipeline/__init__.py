"""Photo and trimap in, alpha out."""

from numpy_vitmatte.pipeline.photo_to_alpha import DEFAULT_MODEL, MattingResult, matte, matte_with_report

__all__ = ["DEFAULT_MODEL", "MattingResult", "matte", "matte_with_report"]
