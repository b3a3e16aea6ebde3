"""A trimap of another size: two rules for scaling one, and fitting one to its photo where that is safe.

============================  ==========================================================================  ==============
rule                          a pixel of the result is known if                                           used by
============================  ==========================================================================  ==============
:func:`scale_conservatively`  all pixels that it *touches*, be it by a sliver, are known and the same     the doctor
:func:`downscale_by_blocks`   all pixels of its block are; each pixel belongs to one block, by its start  ``max_side``
============================  ==========================================================================  ==============

Where the sizes divide, the two are the same. Elsewhere the blocks claim a little more: a pixel that straddles two
blocks speaks for one of them alone, though the averaged photo mixes it into both. ``max_side`` takes the blocks because
its alpha is then nearer to the full result (``docs/big-photos.md``): what is left unknown without need, the network has
to guess.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps

from numpy_vitmatte.images.header import StoredForm, stored_form
from numpy_vitmatte.images.reading import (
    ImageSource,
    as_array,
    channels_last,
    is_file_or_image,
    open_image,
    opened,
)
from numpy_vitmatte.trimaps.findings import Finding
from numpy_vitmatte.trimaps.reading import BACKGROUND, FOREGROUND, UNKNOWN


def scale_conservatively(trimap: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """Scale a trimap up or down: a pixel is known only if all pixels that it touches are known and the same.

    Bilinear resizing, as ComfyUI's LayerStyle does it, makes values that no one drew.

    Parameters
    ----------
    trimap : (H, W) uint8 array
        0, 128 and 255.
    height, width : int
        1 or more.

    Returns
    -------
    (height, width) uint8 array
        0, 128 and 255.

    Examples
    --------
    The first of three pixels covers 1 2/3 of the five: it touches an unknown one.

    >>> scale_conservatively(np.array([[0, 128, 255, 255, 255]], np.uint8), 1, 3)
    array([[128, 128, 255]], dtype=uint8)
    """
    scaled = np.full((height, width), UNKNOWN, np.uint8)
    for value in (BACKGROUND, FOREGROUND):
        known = _all_covered(trimap == value, height, axis=0)
        scaled[_all_covered(known, width, axis=1)] = value
    return scaled


def downscale_by_blocks(trimap: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """Scale a trimap down by blocks of whole pixels: a pixel is known only if its block agrees.

    Block number k of n along an axis of N pixels begins at pixel floor(k N / n) and ends before the next one.

    Parameters
    ----------
    trimap : (H, W) uint8 array
        0, 128 and 255.
    height, width : int
        At most H and W.

    Returns
    -------
    (height, width) uint8 array
        0, 128 and 255; 128 wherever the block has an unknown pixel, or both others.

    Examples
    --------
    The blocks hold one, two and two of the five pixels.

    >>> downscale_by_blocks(np.array([[0, 128, 255, 255, 255]], np.uint8), 1, 3)
    array([[  0, 128, 255]], dtype=uint8)
    """
    lowest = highest = trimap
    for axis, length in enumerate((height, width)):
        starts = np.arange(length) * trimap.shape[axis] // length
        lowest = np.minimum.reduceat(lowest, starts, axis=axis)
        highest = np.maximum.reduceat(highest, starts, axis=axis)
    return np.where(lowest == highest, lowest, np.uint8(UNKNOWN))


def fit_to_photo(trimap: NDArray[np.uint8], photo: ImageSource) -> tuple[NDArray[np.uint8], Finding | None]:
    """Bring a trimap to the size of its photo.

    It is turned where it fits the photo as the camera stored it but not as its EXIF orientation shows it, and scaled
    where the sides have the photo's proportions.

    Parameters
    ----------
    trimap : (H, W) uint8 array
        0, 128 and 255.
    photo : path, PIL.Image.Image or array

    Returns
    -------
    trimap : (H', W') uint8 array
        It has the photo's size if there is no finding or a repaired one; otherwise it is unchanged.
    finding : Finding or None

    Raises
    ------
    ImageError
        If the photo cannot be read.
    """
    stored, (height, width) = _photo_form(photo)
    rows, columns = trimap.shape
    if (rows, columns) == (height, width):
        return trimap, None
    sizes = f"the photo is {width} x {height} pixels (width x height), the trimap {columns} x {rows}"
    if stored and stored.orientation >= 5 and (rows, columns) == (stored.height, stored.width):
        turned = f"{sizes}: it was drawn on the photo as stored, which its EXIF orientation {stored.orientation} turns"
        return _turned(trimap, stored.orientation), Finding("size", f"{turned}; it is turned likewise", True)
    if (rows, columns) == (width, height):
        return trimap, Finding("size", f"{sizes}: one of them is turned by 90 degrees; turn it back", False)
    if not _same_proportions((rows, columns), (height, width)):
        return trimap, Finding("size", f"{sizes}, which is no scaled copy: was one of them cropped or padded?", False)
    return scale_conservatively(trimap, height, width), Finding("size", f"{sizes}: it is scaled to fit", True)


def _all_covered(mask: NDArray[np.bool_], size: int, axis: int) -> NDArray[np.bool_]:
    """Scale an axis to `size` pixels, each of them True if all pixels that it touches are."""
    length = mask.shape[axis]
    edges = np.arange(size + 1) * length
    firsts, ends = edges[:-1] // size, -(-edges[1:] // size)
    # reduceat takes pairs (first, end) as every second run; an end must be an index, so a row is added.
    frame = np.ones_like(mask.take([0], axis))
    runs = np.stack([firsts, ends], axis=-1).ravel()
    covered = np.logical_and.reduceat(np.concatenate([mask, frame], axis), runs, axis)
    return covered.take(np.arange(0, 2 * size, 2), axis)


def _photo_form(photo: ImageSource) -> tuple[StoredForm | None, tuple[int, int]]:
    """Say how a photo is stored, if it is no array, and its height and width when upright."""
    if not is_file_or_image(photo):
        height, width, _ = channels_last(as_array(photo, "photo"), "photo").shape
        return None, (height, width)
    with opened(photo, "photo") as image:
        assert isinstance(image, Image.Image)
        upright = open_image(image, "photo")
        return stored_form(image), (upright.height, upright.width)


def _same_proportions(one: tuple[int, int], other: tuple[int, int]) -> bool:
    """Say whether one size is the other scaled, each side rounded to whole pixels."""
    small, large = sorted((one, other))
    return abs(small[0] * large[1] - small[1] * large[0]) <= 0.5 * sum(large)


def _turned(trimap: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    image = Image.fromarray(trimap)
    image.getexif()[ExifTags.Base.Orientation] = orientation
    return np.asarray(ImageOps.exif_transpose(image))
