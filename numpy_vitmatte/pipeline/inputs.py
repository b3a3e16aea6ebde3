"""A photo and its trimap, their files decoded side by side: a decoder keeps only one thread busy."""

import os
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numpy_vitmatte.images.reading import ImageSource, read_photo
from numpy_vitmatte.processing.pixel_values import check_same_size
from numpy_vitmatte.runtime.threads import run_both
from numpy_vitmatte.trimaps.reading import read_trimap
from numpy_vitmatte.trimaps.report import TrimapReport


def read_photo_and_trimap(
    image: ImageSource, trimap: ImageSource, *, sparing: bool = False
) -> tuple[NDArray[Any], NDArray[np.uint8], TrimapReport]:
    """Read both, and see that they belong together.

    Parameters
    ----------
    image, trimap : path, PIL.Image.Image or array
        See :func:`~numpy_vitmatte.images.reading.read_photo` and :func:`~numpy_vitmatte.trimaps.reading.read_trimap`.
    sparing : bool
        Read one after the other, so that the memory of only one decoder is taken at a time.

    Returns
    -------
    photo : (H, W, 3) array
    trimap : (H, W) uint8 array
    report : TrimapReport

    Raises
    ------
    ImageError
        One of them cannot be read, of two that cannot the photo's; or their sizes differ.
    """
    if not sparing and all(isinstance(source, (str, os.PathLike)) for source in (image, trimap)):
        photo, (clean_trimap, report) = run_both(partial(read_photo, image), partial(read_trimap, trimap))
    else:  # two Pillow images may share one open file
        photo, (clean_trimap, report) = read_photo(image), read_trimap(trimap)
    check_same_size(photo.shape[:2], clean_trimap.shape)
    return photo, clean_trimap, report
