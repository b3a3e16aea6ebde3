"""A convolution to a few channels and their weighted sum, brought into [0, 1].

Row by row, so that the channels between the two never leave the first-level cache.
"""

from numpy_vitmatte.kernels.conv import conv_row
from numpy_vitmatte.kernels.elementwise import relu, sigmoid_of_product
from numpy_vitmatte.kernels.regions import Piece
from numpy_vitmatte.runtime.alignment import aligned_scratch
from numpy_vitmatte.runtime.jit import EXACT_ORDER, ONE, THREE, ZERO, kernel


@kernel(EXACT_ORDER)
def conv_to_one_channel(x, matrix, weight, bias, rectangle, out):
    """``sigmoid(relu(conv3x3(x) + matrix.bias) @ weight + bias)`` for a rectangle of outputs.

    Parameters
    ----------
    x : Piece
        Of the input: one pixel more than the rectangle on each side, zeros outside the map.
    matrix : PackedMatrix
        ``pack_conv(weight, bias)``, C_in to C channels.
    weight : float32 array (C,)
    bias : float
    rectangle : Rectangle
    out : float32 array (H, W)
        The rectangle is filled.
    """
    top, left, bottom, right = rectangle
    width = right - left
    hidden = aligned_scratch(width * matrix.columns)
    framed = Piece(x.values, x.top + 1, x.left + 1)  # a window begins one pixel before its output
    for y in range(top, bottom):
        conv_row(framed, y, left, width, THREE, ONE, matrix, hidden, ZERO)
        relu(hidden)
        sigmoid_of_product(hidden.reshape(width, matrix.columns), weight, bias, out[y, left:right])
