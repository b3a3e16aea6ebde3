"""Errors of the pictures that were held back: whole photos, as a user mattes them."""

import numpy as np
from numpy.typing import NDArray

from numpy_vitmatte.matting.metrics import AlphaErrors, alpha_errors
from numpy_vitmatte.pipeline.loaded_checkpoint import LoadedCheckpoint
from numpy_vitmatte.pipeline.photo_to_alpha import matte
from numpy_vitmatte.training.finetuning.material import Material, composited
from numpy_vitmatte.training.finetuning.picture import Picture
from numpy_vitmatte.trimaps.reading import UNKNOWN

BAND = 10.0
"""Pixels of unknown on either side of an edge, where there are no trimaps."""


def held_back_errors(material: Material, checkpoint: LoadedCheckpoint) -> dict[str, AlphaErrors]:
    """Compute the errors of every picture that was held back, over its unknown pixels.

    Parameters
    ----------
    material : Material
    checkpoint : LoadedCheckpoint

    Returns
    -------
    dict of str to AlphaErrors
        By stem.

    Raises
    ------
    VitMatteError
        If a picture can no longer be read.
    """
    rows = {}
    for number in material.held_back:
        picture = _picture(material, number)
        trimap: NDArray[np.uint8] = picture.with_band(BAND, BAND)
        alpha = matte(picture.photo, trimap, checkpoint.model, processor=checkpoint.processor)
        rows[material.matches[number].stem] = alpha_errors(
            alpha.astype(np.float64), picture.alpha.astype(np.float64), trimap == UNKNOWN
        )
    return rows


def _picture(material: Material, number: int) -> Picture:
    """Give a picture, over the background of its number if there are any: always the same one."""
    picture = material[number]
    if not material.backgrounds:
        return picture
    return composited(picture, material.background(number)(*picture.alpha.shape))
