"""What a job is about: a photo and its trimap, read once."""

from contextvars import copy_context
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numpy_vitmatte.images.reading import ImageSource, is_file, read_photo
from numpy_vitmatte.processing.pixel_values import check_same_size
from numpy_vitmatte.runtime.threads import run_both
from numpy_vitmatte.trimaps.reading import TrimapReport, read_trimap


@dataclass(frozen=True)
class MattingInput:
    """A photo and its trimap, whose numbers are levels: nobody has to guess their scale again.

    Attributes
    ----------
    photo : (H, W, 3) array
        Upright, levels from 0 to 255; uint8 for photos of 8 bits.
    trimap : (H, W) uint8 array
        0, 128 and 255.
    report : TrimapReport
        How the trimap was understood.
    """

    photo: NDArray[Any]
    trimap: NDArray[np.uint8]
    report: TrimapReport

    def mirrored(self) -> "MattingInput":
        """Exchange left and right; both arrays are views."""
        return replace(self, photo=self.photo[:, ::-1], trimap=self.trimap[:, ::-1])


def read_input(
    image: ImageSource, trimap: ImageSource, *, sparing: bool = False, separate: bool = False
) -> MattingInput:
    """Read photo and trimap, and check that they have one size.

    A trimap in a file of its own is decoded at the same time as the photo, because a decoder keeps only one thread
    busy.

    Parameters
    ----------
    image, trimap : path, PIL.Image.Image or array
        See :func:`~numpy_vitmatte.images.reading.read_photo` and :func:`~numpy_vitmatte.trimaps.reading.read_trimap`.
    sparing : bool
        Read one after the other, so that only one decoder takes memory at a time.
    separate : bool
        The trimap, though given as an image, has a file of its own.

    Returns
    -------
    MattingInput

    Raises
    ------
    ImageError
        If one of them cannot be read, or their sizes differ. If neither can be read, the photo's error is raised.
    """
    if (separate or is_file(trimap)) and not sparing:
        here = [copy_context(), copy_context()]  # the limit of pixels holds in their threads, too
        photo, (levels, report) = run_both(
            partial(here[0].run, read_photo, image), partial(here[1].run, read_trimap, trimap)
        )
    else:  # two Pillow images may share one open file
        photo, (levels, report) = read_photo(image), read_trimap(trimap)
    check_same_size(photo.shape[:2], levels.shape)
    return MattingInput(photo, levels, report)
