"""Exact Euclidean distances to a mask, in time proportional to the number of pixels.

The package has its own because SciPy's transform takes three to seven times as long, and SciPy is only an extra.

Felzenszwalb and Huttenlocher, "Distance Transforms of Sampled Functions", Theory of Computing 8 (2012). The square of a
distance is a sum over the two axes, so the axes are done one after the other: first the distance ``g`` to the mask
within each column, by counting; then along each row ``min over j of g[j]^2 + (x - j)^2``. That minimum is the lower
envelope of parabolas of one shape, which a stack builds in a single pass: a new parabola removes from the top those
that it undercuts before they begin. All arithmetic is in integers, so the squares are exact.
"""

import numpy as np

from numpy_vitmatte.runtime.jit import CALLED, EXACT_ORDER, kernel

FAR = 2**62
"""The squared distance to a mask without pixels."""


@kernel(EXACT_ORDER, CALLED)
def _count_down_columns(mask, reach, order):
    """Bound ``reach`` by the rows since the mask's last pixel in each column, rows taken in the given order (1, -1)."""
    height, width = mask.shape
    first = 0 if order == 1 else height - 1
    for step in range(height):
        y = first + order * step
        for x in range(width):
            if mask[y, x]:
                reach[y, x] = 0
            elif step > 0 and reach[y - order, x] >= 0 and (reach[y, x] < 0 or reach[y - order, x] + 1 < reach[y, x]):
                reach[y, x] = reach[y - order, x] + 1


@kernel(EXACT_ORDER, CALLED)
def _envelope(reach, centers, starts):
    """Stack the parabolas of one row that are lowest somewhere, centers and starts; return their number."""
    count = 0
    for j in range(reach.size):
        if reach[j] < 0:
            continue
        height = np.int64(reach[j]) * reach[j] + np.int64(j) * j
        start = 0
        while count > 0:
            k = centers[count - 1]
            # Parabola j is below k right of their crossing, whose integer part is this; // rounds down.
            start = (height - np.int64(reach[k]) * reach[k] - np.int64(k) * k) // (2 * (j - k)) + 1
            if start > starts[count - 1]:
                break
            count -= 1
            start = 0
        centers[count], starts[count] = j, start
        count += 1
    return count


@kernel(EXACT_ORDER, CALLED, allocates=True)
def _minimum_along_rows(reach, out):
    """Set ``out[y, x] = min over j of reach[y, j]**2 + (x - j)**2``, columns with a negative reach left out."""
    height, width = reach.shape
    centers, starts = np.empty(width, np.int64), np.empty(width, np.int64)
    for y in range(height):
        count = _envelope(reach[y], centers, starts)
        k = 0
        for x in range(width):
            while k + 1 < count and starts[k + 1] <= x:
                k += 1
            away = x - centers[k]
            out[y, x] = np.int64(reach[y, centers[k]]) * reach[y, centers[k]] + away * away


def squared_distance_to(mask: np.ndarray) -> np.ndarray:
    """Compute the squared distance from every pixel's center to the center of the nearest pixel of a mask.

    SciPy's equivalent is ``distance_transform_edt(~mask) ** 2``, rounded.

    Parameters
    ----------
    mask : (H, W) bool array
        Pixels outside the frame count as False.

    Returns
    -------
    (H, W) int64 array
        0 on the mask; ``FAR`` everywhere if the mask has no pixel.
    """
    out = np.full(mask.shape, FAR, np.int64)
    if np.any(mask):
        mask = np.ascontiguousarray(mask)
        reach = np.full(mask.shape, -1, np.int32)  # -1: nothing of the mask found in the column so far
        _count_down_columns(mask, reach, 1)
        _count_down_columns(mask, reach, -1)
        _minimum_along_rows(reach, out)
    return out
