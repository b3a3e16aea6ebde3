"""Numbers in place of levels of 8 bits: there are 256 of them, so what becomes of each is worked out once."""

import numpy as np

from numpy_vitmatte.runtime.jit import EXACT_ORDER, kernel


@kernel(EXACT_ORDER)
def look_up(colors, grays, tables, out):
    """Three colours and a grey: ``out[:, :width, n] = tables[n][colours[:, :, n]]``, the last one ``tables[3][greys]``.

    Parameters
    ----------
    colors : uint8 array (rows, width, 3)
    grays : uint8 array (rows, width)
    tables : float32 array (4, 256)
        What becomes of each level, by channel.
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
