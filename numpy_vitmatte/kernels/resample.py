"""Resize a grid of vectors by one matrix of weights along each axis; most of the weights are zero."""

import numpy as np

from numpy_vitmatte.runtime.jit import EXACT_ORDER, kernel

float32 = np.float32


@kernel(EXACT_ORDER)
def resize(grid, down, across, out):
    """Set ``out[y, x] = sum over s, t of down[y, s] * across[x, t] * grid[s, t]``.

    Parameters
    ----------
    grid : float32 array (S, T, C)
    down : float32 array (H, S)
    across : float32 array (W, T)
    out : float32 array (H, W, C)
    """
    channels = grid.shape[2]
    for y in range(down.shape[0]):
        for x in range(across.shape[0]):
            for c in range(channels):
                out[y, x, c] = float32(0)
            for s in range(grid.shape[0]):
                if down[y, s] == 0:
                    continue
                for t in range(grid.shape[1]):
                    weight = down[y, s] * across[x, t]
                    if weight != 0:
                        for c in range(channels):
                            out[y, x, c] += weight * grid[s, t, c]
