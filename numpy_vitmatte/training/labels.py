"""Labels: the true alphas of a batch, checked, and the pixels that its trimaps do not know."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from numpy_vitmatte.errors import VitMatteError

UNKNOWN, WITHIN = 0.5, 0.1
"""Value of the trimap's channel at unknown pixels, 128 / 255 or 0.5, and the largest distance from it."""


def checked_labels(labels: ArrayLike, trimaps: NDArray[np.floating]) -> tuple[NDArray[np.floating], NDArray[np.bool_]]:
    """Check the labels of a batch against its trimaps.

    Parameters
    ----------
    labels : float array (B, 1, H, W)
        True alphas, 0 to 1, of the layout of ``ImageMattingOutput.alphas``.
    trimaps : float array (B, H, W)
        The fourth channel of the batch's ``pixel_values``.

    Returns
    -------
    alphas : float array (B, H, W)
        The labels, in the trimaps' float type.
    unknown : bool array (B, H, W)
        True where the trimap is within 0.1 of a half.

    Raises
    ------
    VitMatteError
        If labels have another shape, type or range or are not finite, or if trimaps have no unknown pixel.
    """
    try:
        given = np.asarray(labels)
    except ValueError:
        raise VitMatteError("labels holds alphas of different sizes; cut or pad them to one size") from None
    expected = (len(trimaps), 1, *trimaps.shape[1:])
    if given.shape != expected:
        raise VitMatteError(f"labels has shape {given.shape}; expected {expected}: an alpha for each of pixel_values")
    if not np.issubdtype(given.dtype, np.floating):
        raise VitMatteError(f"labels is of type {given.dtype}; expected floating point, 0 to 1: divide levels by 255")
    alphas = given[:, 0].astype(trimaps.dtype)
    if not np.isfinite(alphas).all():
        raise VitMatteError("labels holds NaN or infinite values; expected alphas, 0 to 1")
    if alphas.min() < 0 or alphas.max() > 1:
        raise VitMatteError(f"labels ranges from {alphas.min():.6g} to {alphas.max():.6g}; expected alphas, 0 to 1")
    unknown = np.abs(trimaps - UNKNOWN) < WITHIN
    if not unknown.any():
        raise VitMatteError(
            "the trimaps in channel 4 of pixel_values know every pixel, so that there is nothing to learn; unknown "
            "pixels hold 128 / 255"
        )
    return alphas, unknown
