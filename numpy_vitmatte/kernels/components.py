"""Connected components of a mask, as the connectivity error of matting needs them: the largest alone.

The package has its own because SciPy comes only with an extra. SciPy's ``label`` takes about half as long.
"""

import numpy as np

from numpy_vitmatte.runtime.jit import CALLED, EXACT_ORDER, kernel


@kernel(EXACT_ORDER, CALLED)
def _fill(mask, y, x, label, labels, stack):
    """Label everything 4-connected to (y, x), and return the number of pixels."""
    height, width = mask.shape
    labels[y, x] = label
    stack[0], top, count = y * width + x, 1, 0
    while top > 0:
        top -= 1
        count += 1
        v, u = divmod(stack[top], width)
        for dv, du in ((-1, 0), (1, 0), (0, -1), (0, 1)):
            p, q = v + dv, u + du
            if 0 <= p < height and 0 <= q < width and mask[p, q] and labels[p, q] == 0:
                labels[p, q] = label
                stack[top] = p * width + q
                top += 1
    return count


@kernel(EXACT_ORDER)
def _largest(mask, labels, stack):
    """Label all components from 1 up, column by column; return the label of the first largest one, 0 if none."""
    height, width = mask.shape
    best, most, label = 0, 0, 0
    for x in range(width):
        for y in range(height):
            if mask[y, x] and labels[y, x] == 0:
                label += 1
                count = _fill(mask, y, x, label, labels, stack)
                if count > most:
                    best, most = label, count
    return best


def largest_component(mask: np.ndarray) -> np.ndarray:
    """Return the largest 4-connected component of a mask.

    Parameters
    ----------
    mask : (H, W) bool array

    Returns
    -------
    (H, W) bool array
        All False if the mask is. If components have the same size, the first from the left is taken, then from the top,
        as MATLAB's ``bwconncomp`` and ``max`` do.
    """
    labels = np.zeros(mask.shape, np.int32)
    stack = np.empty(mask.size, np.int64)
    best = _largest(np.ascontiguousarray(mask), labels, stack)
    return (labels == best) & (best > 0)
