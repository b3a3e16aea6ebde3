"""The unknown band between foreground and background: made wider by exact distances."""

import numpy as np
from numpy.typing import NDArray

from numpy_vitmatte.kernels.distance import squared_distance_to
from numpy_vitmatte.trimaps.reading import BACKGROUND, FOREGROUND, UNKNOWN


def widen_unknown(trimap: NDArray[np.uint8], erode: float, dilate: float) -> NDArray[np.uint8]:
    """Make unknown what lies near the edge of the known foreground and of the known background.

    A straight edge loses exactly `erode` rows of foreground and `dilate` rows of background. That is erosion of both
    by discs, whose radius may be a fraction; squares, as rembg and Matte-Anything take them, reach 1.4 times as far
    along the diagonals. The frame of the picture is no edge: a subject that it cuts off stays foreground up to it
    (rembg erodes from there, which lays a grey border along the frame).

    Parameters
    ----------
    trimap : (H, W) uint8 array
        0, 128 and 255.
    erode : float
        Pixels of foreground to give up, from its edge inwards.
    dilate : float
        Pixels of background to give up, from its edge outwards.

    Returns
    -------
    (H, W) uint8 array
        0, 128 and 255.
    """
    wider = np.full(trimap.shape, UNKNOWN, np.uint8)
    for value, width in ((FOREGROUND, erode), (BACKGROUND, dilate)):
        # The distance counts from pixel centre to pixel centre, so that of a pixel at the edge is 1.
        wider[squared_distance_to(trimap != value) > width * width] = value
    return wider
