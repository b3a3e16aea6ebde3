"""A 3x3 convolution of a bilinearly doubled image, computed at low resolution.

Both are linear, so they commute: ``conv3x3(up(F)) = sum over dy, dx of shift(up(F @ W[dy, dx]), dy, dx)``. The products
``F @ W[dy, dx]`` cost a quarter at low resolution; what is left at high resolution is to blend, for each output, its
nine shifted maps with the fixed weights 1/4 and 3/4.

The blend is done along one axis, then the other. Along an axis each output has six *taps*: for each of the three shifts
the two low-resolution neighbours of the shifted position. Two borders differ: the doubling repeats the edge pixel
(``align_corners=False``), while the convolution sees zeros outside the doubled image, which is a weight of zero here.
"""

import numpy as np

from numpy_vitmatte.kernels.jit import EXACT_ORDER, kernel

float32 = np.float32


@kernel(EXACT_ORDER)
def _taps(position, length, sources, weights):
    """Low-resolution indices and weights of doubled position ``position``, two for each of the shifts -1, 0, 1."""
    for shift in range(3):
        shifted = position + shift - 1
        inside = float32(1) if 0 <= shifted < 2 * length else float32(0)
        near = min(max(shifted // 2, 0), length - 1)
        far = near - 1 if shifted % 2 == 0 else near + 1
        sources[2 * shift], weights[2 * shift] = near, inside * float32(0.75)
        sources[2 * shift + 1], weights[2 * shift + 1] = min(max(far, 0), length - 1), inside * float32(0.25)


@kernel(EXACT_ORDER)
def _add_six(a, b, c, d, e, f, w, out):
    """``out += w[0] * a + ... + w[5] * f``: six runs of the same length."""
    wa, wb, wc, wd, we, wf = w[0], w[1], w[2], w[3], w[4], w[5]
    for k in range(out.size):
        out[k] += wa * a[k] + wb * b[k] + wc * c[k] + wd * d[k] + we * e[k] + wf * f[k]


@kernel(EXACT_ORDER)
def _blend_rows(products, first_row, height, row, blended):
    """Blend vertically: ``blended[j, dx]`` for doubled row ``row``, the sum over dy."""
    _, width, _, _, channels = products.shape
    sources, w = np.empty(6, np.int64), np.empty(6, np.float32)
    _taps(row, height, sources, w)
    s = sources - first_row
    blended[:] = float32(0)
    taps = products.reshape(products.shape[0], width, 3, 3 * channels)
    out = blended.reshape(width, 3 * channels)
    for j in range(width):
        _add_six(taps[s[0], j, 0], taps[s[1], j, 0], taps[s[2], j, 1], taps[s[3], j, 1],
                 taps[s[4], j, 2], taps[s[5], j, 2], w, out[j])  # fmt: skip


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
    s, w = np.empty(6, np.int64), np.empty(6, np.float32)
    for r in range(out.shape[0]):
        _blend_rows(products, first_row, height, first + r, blended)
        for x in range(2 * width):
            _taps(x, width, s, w)
            _add_six(blended[s[0], 0], blended[s[1], 0], blended[s[2], 1], blended[s[3], 1],
                     blended[s[4], 2], blended[s[5], 2], w, out[r, x])  # fmt: skip
