"""The gradient of the blend in ``kernels/blend.py``: every low-resolution product collects from the doubled pixels.

A fusion block multiplies low-resolution features by the nine taps of its window, and blends the nine maps into the
doubled map. Its gradient is the same in reverse: the gradient of the doubled map is gathered into nine low-resolution
maps, and with these the features' half of the block is a linear layer, at a quarter of the work. Along one axis, the
map of shift ``t`` at ``r`` gathers ``z[2 r - 1] / 4 + z[2 r] * 3 / 4 + z[2 r + 1] * 3 / 4 + z[2 r + 2] / 4``, where
``z[i] = dy[i + 1 - t]`` is zero outside the doubled map's gradient and the ends of ``z`` repeat.
"""

import numpy as np

from numpy_vitmatte.kernels.integers import greater, lesser
from numpy_vitmatte.kernels.views import flattened, view
from numpy_vitmatte.runtime.jit import EXACT_ORDER, INLINED, ZERO, kernel
from numpy_vitmatte.runtime.workspace import aligned_scratch

float32 = np.float32
OUTER, INNER = float32(0.25), float32(0.75)


@kernel(EXACT_ORDER, INLINED)
def _gather(x, places, count, out, start):
    """Set ``out[start:][:count]`` to the weighted sum of four runs of numbers."""
    a, b, c, d = (
        view(x, places[0], (count,)),
        view(x, places[1], (count,)),
        view(x, places[2], (count,)),
        view(x, places[3], (count,)),
    )
    own = view(out, start, (count,))
    for k in range(count):
        own[k] = OUTER * (a[k] + d[k]) + INNER * (b[k] + c[k])


@kernel(EXACT_ORDER, allocates=True)
def blend_backward(padded, first, last, out):
    """Gather the gradients of the nine products of low-resolution rows ``first .. last - 1``.

    Parameters
    ----------
    padded : float32 array (2 h + 2, 2 w + 2, C)
        The gradient of the doubled map in a frame of one zero pixel.
    first, last : int
    out : float32 array (last - first, w, 9 * C)
        For each pixel the taps row by row.
    """
    height, width, channels = padded.shape[0] - 2, padded.shape[1] - 2, padded.shape[2]
    row_size, flat, target = (width + 2) * channels, flattened(padded), flattened(out)
    gathered = aligned_scratch(row_size)
    for r in range(first, last):
        for dy in range(3):
            # z[i] lies at row i + 2 - dy of the frame.
            shift = 2 - dy
            places = (
                (greater(2 * r - 1, 0) + shift) * row_size,
                (2 * r + shift) * row_size,
                (2 * r + 1 + shift) * row_size,
                (lesser(2 * r + 2, height - 1) + shift) * row_size,
            )
            _gather(flat, places, row_size, gathered, ZERO)
            for c in range(width // 2):
                for dx in range(3):
                    shift = 2 - dx
                    places = (
                        (greater(2 * c - 1, 0) + shift) * channels,
                        (2 * c + shift) * channels,
                        (2 * c + 1 + shift) * channels,
                        (lesser(2 * c + 2, width - 1) + shift) * channels,
                    )
                    start = (((r - first) * (width // 2) + c) * 9 + 3 * dy + dx) * channels
                    _gather(gathered, places, channels, target, start)
