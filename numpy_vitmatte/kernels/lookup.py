"""Numbers in place of levels of 8 bits: there are 256 of them, so what becomes of each is worked out once."""

import numpy as np

from numpy_vitmatte.kernels.jit import EXACT_ORDER, kernel


@kernel(EXACT_ORDER)
def look_up(colours, greys, tables, out):
    """``out[:, :width] = concatenate([tables[:-1][channel, colours], tables[-1][greys][..., None]], axis=-1)``.

    Parameters
    ----------
    colours : uint8 array (rows, width, C)
    greys : uint8 array (rows, width)
    tables : float32 array (C + 1, 256)
        What becomes of each level, by channel.
    out : float32 array (rows, width or more, C + 1)
        The rest of a row is left as it is.
    """
    rows, width, channels = colours.shape
    for y in range(rows):
        for x in range(width):
            for channel in range(channels):
                out[y, x, channel] = tables[channel, colours[y, x, channel]]
            out[y, x, channels] = tables[channels, greys[y, x]]


@kernel(EXACT_ORDER)
def set_all_but(levels, kept, one, out):
    """``np.copyto(out, levels == one, where=levels != kept)``, in a third of the time.

    Parameters
    ----------
    levels : uint8 array (rows, width)
    kept, one : int
    out : float32 array (rows, width)
    """
    rows, width = levels.shape
    for y in range(rows):
        for x in range(width):
            known = np.float32(1) if levels[y, x] == one else np.float32(0)
            out[y, x] = out[y, x] if levels[y, x] == kept else known
