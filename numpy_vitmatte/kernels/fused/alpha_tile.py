"""One tile of the alpha in one call: the blocks that double the features up to the picture's size, then one channel.

A tile of the result reads a slightly larger rectangle of the map before it, and so on down; these are computed for it
and forgotten. Each step alone takes some hundred microseconds, and a thread that comes back from a kernel may have to
wait for Python's lock as long as a tenth of that.
"""

from numpy_vitmatte.kernels.conv import conv_relu, windows_of
from numpy_vitmatte.kernels.fused.one_channel import conv_to_one_channel
from numpy_vitmatte.kernels.regions import framed_copy, framed_scratch, grown, within
from numpy_vitmatte.kernels.upsample_conv import fuse, rectangle_below
from numpy_vitmatte.runtime.jit import EXACT_ORDER, ONE, TWO, kernel


@kernel(EXACT_ORDER)
def half_size_detail(image, matrix, rectangle):
    """``relu(conv3x3(image, stride 2) + bias)`` for a rectangle of outputs, zeros where it lies outside the map.

    Parameters
    ----------
    image : float32 array (H, W, C_in)
        Whole, without a frame; H and W are even.
    matrix : PackedMatrix
        ``pack_conv(weight, bias)``, C_in to C channels.
    rectangle : Rectangle
        Of the map (H / 2, W / 2, C); it may reach beyond.

    Returns
    -------
    Piece
    """
    height, width = image.shape[0] // 2, image.shape[1] // 2
    out, inside = framed_scratch(rectangle, matrix.columns, height, width), within(rectangle, height, width)
    conv_relu(framed_copy(image, windows_of(inside, TWO)), matrix, TWO, inside, out)
    return out


@kernel(EXACT_ORDER)
def quarter_size_detail(image, half_size, matrix, rectangle, out):
    """``conv_relu`` of stride 2 on the map of ``half_size_detail``, of which just what the rectangle reads is computed.

    Parameters
    ----------
    image : float32 array (H, W, C_in)
    half_size, matrix : PackedMatrix
        Of the detail map at half the picture's size, and of the one at a quarter.
    rectangle : Rectangle
        Of the latter.
    out : Piece
        Of the latter; the rectangle is filled.
    """
    conv_relu(half_size_detail(image, half_size, windows_of(rectangle, TWO)), matrix, TWO, rectangle, out)


@kernel(EXACT_ORDER)
def needed_of_features(tile, height, width, doublings):
    """The ``Rectangle`` that a tile of an alpha (height, width) reads of features still to be doubled so many times."""
    needed = within(grown(tile, ONE), height, width)
    for n in range(doublings):
        needed = rectangle_below(needed, height >> n + 1, width >> n + 1)
    return needed


@kernel(EXACT_ORDER)
def alpha_of_tile(features, image, half_size, blocks, conv, weight, bias, tile, alpha):
    """The last one or two fusion blocks and the head for a tile of the alpha.

    Parameters
    ----------
    features : Piece
        What ``blocks`` double: at least what the tile needs of it.
    image : float32 array (H, W, C)
        The last block's detail map.
    half_size : PackedMatrix
        Of ``half_size_detail``, for the detail map of the block before it. Not read where there is one block.
    blocks : tuple of pairs (PackedWindow, float32 array (3, .))
        Window and taps of ``fuse``.
    conv, weight, bias : PackedMatrix, float32 array, float
        Of ``conv_to_one_channel``.
    tile : Rectangle
        Of the alpha.
    alpha : float32 array (H, W)
        The tile is filled.
    """
    height, width = alpha.shape
    for n in range(len(blocks)):
        (window, taps), left = blocks[n], len(blocks) - 1 - n  # so many blocks are left after this one
        rectangle = needed_of_features(tile, height, width, left)
        around = grown(rectangle, ONE)
        detail = half_size_detail(image, half_size, around) if left else framed_copy(image, around)
        # The head's windows reach beyond the picture.
        out = framed_scratch(rectangle if left else grown(tile, ONE), window.columns, height, width)
        fuse(detail, window, features, taps, (height >> left + 1, width >> left + 1), rectangle, out)
        features = out
    conv_to_one_channel(features, conv, weight, bias, tile, alpha)
