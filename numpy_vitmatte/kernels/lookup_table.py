"""Lookup tables for levels of 8 bits: there are 256 of them, so the result for each is computed once."""

import numpy as np

from numpy_vitmatte.runtime.jit import EXACT_ORDER, kernel


@kernel(EXACT_ORDER)
def apply_lookup_tables(colors, grays, tables, out):
    """Look up three colors, ``out[:, :width, n] = tables[n][colors[:, :, n]]``, then a gray, ``tables[3][grays]``.

    Parameters
    ----------
    colors : uint8 array (rows, width, 3)
    grays : uint8 array (rows, width)
    tables : float32 array (4, 256)
        The result for each level, by channel.
    out : float32 array (rows, width or more, 4)
        The rest of a row is left as it is.
    """
    rows, width = grays.shape
    for y in range(rows):
        for x in range(width):
            for channel in range(3):  # a constant: LLVM unrolls it
                out[y, x, channel] = tables[channel, colors[y, x, channel]]
            out[y, x, 3] = tables[3, grays[y, x]]


@kernel(EXACT_ORDER)
def set_known_alpha(levels, unknown, foreground, out):
    """Set the alphas that a trimap knows, to 0 or 1, and leave the unknown ones.

    It replaces ``np.copyto(out, levels == foreground, where=levels != unknown)`` and takes a third of the time.

    Parameters
    ----------
    levels : uint8 array (rows, width)
        The trimap. A level that is neither ``unknown`` nor ``foreground`` is background.
    unknown, foreground : int
    out : float32 array (rows, width)
    """
    rows, width = levels.shape
    for y in range(rows):
        for x in range(width):
            known = np.float32(1) if levels[y, x] == foreground else np.float32(0)
            out[y, x] = out[y, x] if levels[y, x] == unknown else known
