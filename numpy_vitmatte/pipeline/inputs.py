"""The inputs of a job: a photo and its trimap, read once."""

from contextvars import copy_context
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from numpy_vitmatte.errors import VitMatteError
from numpy_vitmatte.images.photo import Photo
from numpy_vitmatte.images.photo_reading import open_photo
from numpy_vitmatte.images.reading import ImageSource, is_file
from numpy_vitmatte.processing.pixel_values import check_same_size
from numpy_vitmatte.runtime.threads import run_both
from numpy_vitmatte.trimaps.from_mask import WIDTH, trimap_from_mask
from numpy_vitmatte.trimaps.lengths import in_pixels
from numpy_vitmatte.trimaps.reading import TrimapReport, read_trimap


class MaskSource(NamedTuple):
    """A mask that a trimap is made of.

    Attributes
    ----------
    mask : path, PIL.Image.Image or array
    erode, dilate : float, str or None
        See :func:`~numpy_vitmatte.trimap_from_mask`. None: its default.
    """

    mask: ImageSource
    erode: float | str | None = None
    dilate: float | str | None = None


@dataclass(frozen=True)
class MattingInput:
    """A photo and its trimap, whose numbers are levels: nobody has to guess their scale again.

    Attributes
    ----------
    photo : Photo
    trimap : (H, W) uint8 array
        0, 128 and 255.
    report : TrimapReport
        How the trimap was understood.
    """

    photo: Photo
    trimap: NDArray[np.uint8]
    report: TrimapReport

    def mirrored(self) -> "MattingInput":
        """Exchange left and right; both arrays are views."""
        photo = replace(self.photo, levels=self.photo.levels[:, ::-1])
        return replace(self, photo=photo, trimap=self.trimap[:, ::-1])


def read_input(
    image: ImageSource,
    trimap: ImageSource | MaskSource,
    *,
    sparing: bool = False,
    separate: bool = False,
    depth: int | None = None,
) -> MattingInput:
    """Read photo and trimap, and check that they have one size.

    A trimap in a file of its own is decoded at the same time as the photo, because a decoder keeps only one thread
    busy.

    Parameters
    ----------
    image : path, PIL.Image.Image or array
        See :func:`~numpy_vitmatte.images.photo_reading.open_photo`.
    trimap : path, PIL.Image.Image, array or MaskSource
        See :func:`~numpy_vitmatte.trimaps.reading.read_trimap`; a trimap is made of a mask.
    sparing : bool
        Read one after the other, so that only one decoder takes memory at a time.
    separate : bool
        The trimap, though given as an image, has a file of its own.
    depth : int, optional
        Bits of integers that have more than 8; see :func:`~numpy_vitmatte.images.value_range.to_levels`.

    Returns
    -------
    MattingInput

    Raises
    ------
    ImageError
        If one of them cannot be read, or their sizes differ. If neither can be read, the photo's error is raised.
    """
    if isinstance(trimap, MaskSource):
        source, read_other = trimap.mask, partial(_from_mask, trimap, depth)
    else:
        source, read_other = trimap, partial(read_trimap, trimap, depth=depth)
    if (separate or is_file(source)) and not sparing:
        here = [copy_context(), copy_context()]  # the limit of pixels holds in their threads, too
        photo, (levels, report) = run_both(
            partial(here[0].run, open_photo, image, depth=depth), partial(here[1].run, read_other)
        )
    else:  # two Pillow images may share one open file
        photo, (levels, report) = open_photo(image, depth=depth), read_other()
    check_same_size(photo.levels.shape[:2], levels.shape)
    return MattingInput(photo, levels, report)


def _from_mask(source: MaskSource, depth: int | None) -> tuple[NDArray[np.uint8], TrimapReport]:
    """Make the trimap, and a report that says what it is made of."""
    widths = [WIDTH if width is None else width for width in (source.erode, source.dilate)]
    trimap = trimap_from_mask(source.mask, *widths, depth=depth)
    erode, dilate = (in_pixels(width, trimap.shape, "width") for width in widths)
    _, report = read_trimap(trimap)
    made = f"made of the mask, {erode:g} pixels of its foreground and {dilate:g} of its background given up"
    return trimap, replace(report, understood_as=made, warnings=())  # trimap_from_mask has warned of the same


def trimap_or_mask(
    trimap: ImageSource | None,
    mask: ImageSource | None,
    erode: float | str | None = None,
    dilate: float | str | None = None,
) -> ImageSource | MaskSource:
    """Take the one of trimap and mask that is given.

    Raises
    ------
    VitMatteError
        Both or neither is, or a width without a mask.
    """
    if (trimap is None) == (mask is None):
        found = "neither is given" if mask is None else "both are given"
        raise VitMatteError(f"a photo is matted with a trimap or with a mask; {found}")
    if mask is not None:
        return MaskSource(mask, erode, dilate)
    if erode is not None or dilate is not None:
        raise VitMatteError("erode and dilate are for a mask, of which a trimap is made; a trimap is taken as it is")
    assert trimap is not None
    return trimap
