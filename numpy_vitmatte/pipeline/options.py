"""The options of a matting job, typed once for all that take them."""

from typing import TypedDict

from numpy_vitmatte.processing import VitMatteImageProcessor


class MattingOptions(TypedDict, total=False):
    """The keywords of :func:`~numpy_vitmatte.matte`, which says what they mean.

    Attributes
    ----------
    processor : VitMatteImageProcessor or None
    profile : {"hf", "hustvl"}
    raw : bool
    max_memory : int, str or None
    max_side : int or None
    """

    processor: VitMatteImageProcessor | None
    profile: str
    raw: bool
    max_memory: int | str | None
    max_side: int | None
