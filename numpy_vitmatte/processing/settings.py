"""The settings of the image processor, each checked: names and defaults are transformers'."""

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from numpy_vitmatte.configuration import checks as check
from numpy_vitmatte.errors import ConfigurationError
from numpy_vitmatte.hub.options import HubOptions

IMAGENET_STANDARD_MEAN = IMAGENET_STANDARD_STD = (0.5, 0.5, 0.5)
"""transformers' defaults, and what the ``preprocessor_config.json`` of the published checkpoints says."""

IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""The authors of ViTMatte trained and evaluated with these (hustvl/ViTMatte, ``configs/common/model.py``)."""


class ProcessorSettings(TypedDict, total=False):
    """The processor's settings, which a call may override.

    Attributes
    ----------
    do_rescale : bool
        Multiply photo and trimap by `rescale_factor`. Default True.
    rescale_factor : float
        Default 1 / 255.
    do_normalize : bool
        Subtract `image_mean` from the photo, then divide by `image_std`. Default True. The trimap is never normalized.
    image_mean, image_std : float or three floats
        Default 0.5 (``IMAGENET_STANDARD_MEAN``); ViTMatte was trained with ``IMAGENET_DEFAULT_MEAN``.
    do_pad : bool
        Append zero rows and columns, after normalization. Default True.
    size_divisor : int
        Height and width are padded to multiples of it. Default 32; the network needs 16.
    size_divisibility : int
        Older name of `size_divisor`, which wins where both are given.
    """

    do_rescale: bool | None
    rescale_factor: float | None
    do_normalize: bool | None
    image_mean: float | Sequence[float] | None
    image_std: float | Sequence[float] | None
    do_pad: bool | None
    size_divisor: int | None
    size_divisibility: int | None


class LoadingSettings(ProcessorSettings, HubOptions, total=False):
    """Keywords of the processor's ``from_pretrained``."""


DEFAULTS: dict[str, Any] = {
    "do_rescale": True,
    "rescale_factor": 1 / 255,
    "do_normalize": True,
    "image_mean": IMAGENET_STANDARD_MEAN,
    "image_std": IMAGENET_STANDARD_STD,
    "do_pad": True,
    "size_divisor": 32,
}


def given_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Keep what is set, under its newer name; None stands for "as before"."""
    given = {name: value for name, value in settings.items() if value is not None}
    older = given.pop("size_divisibility", None)
    if older is not None:
        given.setdefault("size_divisor", older)
    return given


def checked_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Bring every setting to its one canonical form.

    Raises
    ------
    ConfigurationError
        Naming the setting, what was found and what it may be.
    """
    return {name: _CHECKS[name](name, value) for name, value in settings.items()}


def _number(name: str, value: Any) -> float:
    return check.finite_number(name, value, "a finite number, or three of them (red, green, blue)")


def _mean(name: str, value: Any) -> float | tuple[float, ...]:
    if isinstance(value, Sequence) and not isinstance(value, str):
        if len(value) != 3:
            raise ConfigurationError(
                f"{name} must be one number or three (red, green, blue), found {len(value)}: {value!r}"
            )
        return tuple(_number(name, number) for number in value)
    return _number(name, value)


def _std(name: str, value: Any) -> float | tuple[float, ...]:
    std = _mean(name, value)
    for number in std if isinstance(std, tuple) else (std,):
        check.positive_number(name, number)
    return std


_CHECKS: dict[str, check.FieldCheck] = {
    "do_rescale": check.boolean,
    "rescale_factor": check.positive_number,
    "do_normalize": check.boolean,
    "image_mean": _mean,
    "image_std": _std,
    "do_pad": check.boolean,
    "size_divisor": check.size_divisor,
}
