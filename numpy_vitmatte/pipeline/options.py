"""The options of a matting job, typed once for all that take them."""

from typing import TypedDict

import numpy as np

from numpy_vitmatte.errors import VitMatteError
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


_KINDS: dict[str, tuple[tuple[type, ...], str]] = {
    "processor": ((VitMatteImageProcessor,), "a VitMatteImageProcessor"),
    "profile": ((str,), "a name"),
    "raw": ((bool, np.bool_), "true or false"),
    "depth": ((int, np.integer), "a number of bits"),
}


def check_options(options: MattingOptions) -> None:
    """Refuse keywords that do not exist, which would go unnoticed, and values of another kind.

    Raises
    ------
    TypeError
        There is no such keyword.
    VitMatteError
        A value is not of its kind; whoever uses it checks its range.
    """
    for name in options:
        if name not in MattingOptions.__annotations__:
            raise TypeError(f"there is no keyword {name!r}; matte takes {', '.join(MattingOptions.__annotations__)}")
    for name, (kinds, expected) in _KINDS.items():
        value = options.get(name)
        if value is not None and not isinstance(value, kinds):
            raise VitMatteError(f"{name} must be {expected}, found a {type(value).__name__}")
