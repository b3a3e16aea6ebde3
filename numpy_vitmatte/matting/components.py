"""Connected components of a mask, as the connectivity error of matting needs them: the largest alone.

The package has its own because SciPy comes only with an extra.
"""

import numpy as np


def largest_component(mask: np.ndarray) -> np.ndarray:
    """Return the largest 4-connected component of a mask.

    Runs of neighboring pixels are numbered, and runs that touch take over the lowest number among them, until nothing
    changes (Shiloach and Vishkin 1982, "An O(log n) parallel connectivity algorithm").

    Parameters
    ----------
    mask : (H, W) bool array

    Returns
    -------
    (H, W) bool array
        All False if the mask is. If components have the same size, the first from the left is taken, then from the top,
        as MATLAB's ``bwconncomp`` and ``max`` do.
    """
    if not mask.any():
        return np.zeros(mask.shape, bool)
    columns = np.ascontiguousarray(mask.T)  # runs go down, so that lower numbers begin further to the left
    begins = columns.copy()
    begins[:, 1:] &= ~columns[:, :-1]
    run = np.cumsum(begins, dtype=np.intp).reshape(columns.shape) - 1  # of each marked pixel
    # Two runs touch wherever they are side by side; the first such pixel says it.
    touching = columns[1:] & columns[:-1] & (begins[1:] | begins[:-1])
    label = _lowest_of_connected(run[1:][touching], run[:-1][touching], int(np.count_nonzero(begins)))
    labels = label[run[columns]]
    columns[columns] = labels == np.bincount(labels).argmax()
    return columns.T


def _lowest_of_connected(one: np.ndarray, other: np.ndarray, count: int) -> np.ndarray:
    """Return for each of ``count`` nodes the lowest that edges between ``one`` and ``other`` connect it with."""
    lowest = np.arange(count)
    while (lowest[one] != lowest[other]).any():
        first, second = lowest[one], lowest[other]
        np.minimum.at(lowest, np.maximum(first, second), np.minimum(first, second))
        while (lowest[lowest] != lowest).any():
            lowest = lowest[lowest]
    return lowest
