"""The options of a matting job, typed once for all that take them."""

from typing import TypedDict

from numpy_vitmatte.images.reading import ImageSource
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
    upscale : float or None
    mask : path, PIL.Image.Image, array or None
    erode, dilate : float, str or None
    depth : int or None
    precision : {"highest", "high", "medium"} or None
    """

    processor: VitMatteImageProcessor | None
    profile: str
    raw: bool
    max_memory: int | str | None
    max_side: int | None
    upscale: float | None
    mask: ImageSource | None
    erode: float | str | None
    dilate: float | str | None
    depth: int | None
    precision: str | None


def check_options(options: MattingOptions) -> None:
    """Refuse keywords that do not exist: they would go unnoticed.

    Raises
    ------
    TypeError
    """
    for name in options:
        if name not in MattingOptions.__annotations__:
            raise TypeError(f"there is no keyword {name!r}; matte takes {', '.join(MattingOptions.__annotations__)}")
