"""A 3x3 convolution of stride 1 on AMX tiles: as a sum of products, without Winograd's sums.

Tiles do 36 products in less time than the processor takes to form the sums of pixels that save 20 of them, and rounded
sums would lose more than rounded pixels do.
"""

import numpy as np

from numpy_vitmatte.kernels.matmul import pack
from numpy_vitmatte.kernels.microkernel import PANEL
from numpy_vitmatte.kernels.tile_packing import pack_tiles
from numpy_vitmatte.kernels.winograd import PLACES, WEIGHT, PackedConv3x3

_WINDOW = 9
"""Pixels of a window."""


def direct_conv3x3(conv: PackedConv3x3, dtype: np.typing.DTypeLike) -> PackedConv3x3:
    """Lay out a packed convolution for tiles: the (9 * C_in, C_out) matrix, as ``tile_packing.pack_tiles`` does.

    Winograd's sums of weights are ``G g G.T``; the weights ``g`` come back by the inverse of ``G``, to the last bits of
    a float32, more than two bfloat16 numbers keep. Where channels are too few for Winograd the matrix is there already.
    """
    panels, depth = conv.panels[0], _WINDOW * conv.depth
    if len(conv.panels) == PLACES:
        inverse = np.linalg.pinv(np.kron(WEIGHT, WEIGHT))  # [9, 16]
        windows = (inverse @ conv.panels).reshape(_WINDOW, -1, conv.depth, PANEL)
        rows = windows.swapaxes(1, 2).reshape(depth, -1)  # [9, panels, C_in, 16] -> [9 * C_in, C_out]
        panels = pack(rows.astype(np.float32)).panels
    return conv._replace(panels=pack_tiles(panels, depth, dtype)[None])
