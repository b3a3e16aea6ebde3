"""A 3x3 convolution of a bilinearly doubled image, computed at low resolution.

Both are linear, so they commute: ``conv3x3(up(F)) = sum over dy, dx of shift(up(F @ W[dy, dx]), dy, dx)``. The products
``F @ W[dy, dx]`` cost a quarter at low resolution; what is left at high resolution is to blend, for each output, its
nine shifted maps with the fixed weights 1/4 and 3/4. Two borders differ: the blend repeats the edge pixel
(``align_corners=False``), the convolution sees zeros outside the doubled image.
"""

import numpy as np

from numpy_vitmatte.kernels.jit import EXACT_ORDER, kernel

float32 = np.float32


@kernel(EXACT_ORDER)
def _blend_sources(position, length):
    """The two low-resolution neighbours of doubled position ``position`` and the weight of the first."""
    i = position // 2
    if position % 2 == 0:
        return max(i - 1, 0), i, float32(0.25)
    return i, min(i + 1, length - 1), float32(0.75)


@kernel(EXACT_ORDER)
def add_upsampled_rows(products, first_row, height, first, out):
    """Add to ``out`` the nine shifted, doubled maps, for doubled rows ``first .. first + out.shape[0] - 1``.

    Parameters
    ----------
    products : float32 array (rows, width, 3, 3, C)
        ``products[i, j, dy, dx] = F[first_row + i, j] @ W[dy, dx]``, all low-resolution rows that the blend reads.
    first_row, height : int
        Low-resolution row of ``products[0]``; rows of the whole low-resolution image.
    first : int
        Doubled row of ``out[0]``.
    out : float32 array (count, 2 * width, C)
        Added to in place.
    """
    _, width, _, _, channels = products.shape
    blended = np.empty((width, 3, channels), np.float32)
    for r in range(out.shape[0]):
        _blend_rows(products, first_row, height, first + r, blended)
        for x in range(2 * width):
            target = out[r, x]
            for dx in range(3):
                source = x + dx - 1
                if 0 <= source < 2 * width:
                    left, right, weight = _blend_sources(source, width)
                    a, b = blended[left, dx], blended[right, dx]
                    rest = float32(1) - weight
                    for c in range(channels):
                        target[c] += weight * a[c] + rest * b[c]


@kernel(EXACT_ORDER)
def _blend_rows(products, first_row, height, row, blended):
    """Blend vertically and sum over dy: ``blended[j, dx]`` for doubled row ``row``."""
    _, width, _, _, channels = products.shape
    blended[:] = float32(0)
    flat = blended.reshape(-1)
    for dy in range(3):
        source = row + dy - 1
        if 0 <= source < 2 * height:
            above, below, weight = _blend_sources(source, height)
            rest = float32(1) - weight
            for j in range(width):
                a = products[above - first_row, j, dy].reshape(-1)
                b = products[below - first_row, j, dy].reshape(-1)
                base = j * 3 * channels
                for c in range(3 * channels):
                    flat[base + c] += weight * a[c] + rest * b[c]
