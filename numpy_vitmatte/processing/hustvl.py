"""Photo and trimap to the network's input as ViTMatte's authors do it, for alphas as their own code gives them.

Source: hustvl/ViTMatte, ``preprocess_inputs`` in ``modeling/meta_arch/vitmatte.py``; mean and standard deviation from
``configs/common/model.py``.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self, Unpack

import numpy as np
from numpy.typing import NDArray

from numpy_vitmatte.hub.options import split_options
from numpy_vitmatte.processing.pixel_values import network_image
from numpy_vitmatte.processing.processor import VitMatteImageProcessor
from numpy_vitmatte.processing.settings import (
    IMAGENET_DEFAULT_MEAN,
    IMAGENET_DEFAULT_STD,
    LoadingSettings,
    given_settings,
)

_BACKGROUND_ENDS, _FOREGROUND_BEGINS = np.float32(85 / 255), np.float32(170 / 255)


class HustvlImageProcessor(VitMatteImageProcessor):
    """The image processor of the profile ``hustvl``; used as :class:`VitMatteImageProcessor` is.

    Three things differ: the photo is normalized by ImageNet's mean and standard deviation; the trimap enters as 0, 0.5
    and 1, cut at levels 85 and 170; and where either axis needs padding to a multiple of 32, an axis that needs none
    gets 32 zero rows or columns too.

    Parameters
    ----------
    **settings
        Those of :class:`ProcessorSettings`; absent or None means the authors' value.

    Notes
    -----
    The authors' code cuts the trimap while training only; their inference script feeds files as they are, in which
    unknown is 128 / 255 = 0.502. The profile takes 0.5, what the network was trained with.
    """

    def __init__(self, **settings: Any) -> None:
        authors = {"image_mean": IMAGENET_DEFAULT_MEAN, "image_std": IMAGENET_DEFAULT_STD}
        super().__init__(**{**authors, **given_settings(settings)})

    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | os.PathLike[str],
        revision: str | None = None,
        **settings: Unpack[LoadingSettings],
    ) -> Self:
        """Give the authors' settings, whatever the checkpoint's file says: what it says is the profile ``hf``."""
        return cls(**split_options(settings, revision)[1])

    @classmethod
    def from_directory(cls, directory: Path, **settings: Any) -> Self:
        """Give the authors' settings, as :meth:`from_pretrained`."""
        return cls(**settings)

    def _padded_sides(self, height: int, width: int, divisor: int) -> tuple[int, int]:
        return sides_padded_together(height, width, divisor)

    def _network_image(
        self, photo: NDArray[Any], trimap: NDArray[Any], settings: Mapping[str, Any]
    ) -> NDArray[np.float32]:
        image = network_image(photo, trimap, {**settings, "do_pad": False})
        image[..., 3] = three_values(image[..., 3])
        return padded_together(image, settings["size_divisor"]) if settings["do_pad"] else image


def three_values(trimap: NDArray[np.float32]) -> NDArray[np.float32]:
    """Cut a trimap in [0, 1] into background 0, unknown 0.5 and foreground 1.

    Parameters
    ----------
    trimap : (H, W) float32 array

    Returns
    -------
    (H, W) float32 array
        Below 85/255 becomes 0, from 170/255 on becomes 1.
    """
    cut = np.full(trimap.shape, 0.5, np.float32)
    cut[trimap < _BACKGROUND_ENDS] = 0
    cut[trimap >= _FOREGROUND_BEGINS] = 1
    return cut


def padded_together(image: NDArray[np.float32], divisor: int) -> NDArray[np.float32]:
    """Append zero rows and columns: to both axes, or to neither.

    Parameters
    ----------
    image : (H, W, C) float32 array
    divisor : int
        An axis that is a multiple of it already grows by a whole divisor if the other is none.

    Returns
    -------
    (H', W', C) float32 array
        `image` itself where both axes are multiples of the divisor.
    """
    height, width, channels = image.shape
    if height % divisor == 0 and width % divisor == 0:
        return image
    padded = np.zeros((*sides_padded_together(height, width, divisor), channels), np.float32)
    padded[:height, :width] = image
    return padded


def sides_padded_together(height: int, width: int, divisor: int) -> tuple[int, int]:
    """Return height and width after :func:`padded_together`."""
    if height % divisor == 0 and width % divisor == 0:
        return height, width
    return height + divisor - height % divisor, width + divisor - width % divisor
