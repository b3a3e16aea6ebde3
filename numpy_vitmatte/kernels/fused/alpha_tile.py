"""One tile of the alpha in one call: the fusion blocks that double the features up to the image's size, then the head.

A tile of the alpha reads a slightly larger rectangle of the map before it, and so on down. These rectangles are
computed for the tile and forgotten. Each step alone takes some hundred microseconds, and a thread that comes back from
a kernel may have to wait for Python's lock as long as a tenth of that.
"""

import numpy as np

from numpy_vitmatte.kernels.conv import conv_relu, input_region_of_conv
from numpy_vitmatte.kernels.conv3x3 import conv3x3_scratch, convolve_two_rows
from numpy_vitmatte.kernels.elementwise import relu, sigmoid_of_product
from numpy_vitmatte.kernels.integers import greater, lesser
from numpy_vitmatte.kernels.regions import clipped, expanded, zero_padded_copy, zero_padded_scratch
from numpy_vitmatte.kernels.upsample_conv import fuse, input_region_of_fusion
from numpy_vitmatte.kernels.views import view
from numpy_vitmatte.kernels.winograd import output_tiles
from numpy_vitmatte.runtime.jit import CALLED, EXACT_ORDER, ONE, TWO, kernel
from numpy_vitmatte.runtime.workspace import aligned_scratch

_RELU = np.float32(0)


@kernel(EXACT_ORDER, CALLED, allocates=True)
def half_size_detail(image, matrix, rectangle):
    """Compute ``relu(conv3x3(image, stride 2) + bias)`` for a rectangle of outputs, zeros outside the map.

    Parameters
    ----------
    image : float32 array (H, W, C_in)
        The whole image, not padded; H and W are even.
    matrix : PackedMatrix
        ``pack_conv(weight, bias)``, C_in to C channels.
    rectangle : Rectangle
        Part of the map (H / 2, W / 2, C); it may reach outside.

    Returns
    -------
    Piece
    """
    height, width = image.shape[0] // 2, image.shape[1] // 2
    out, inside = zero_padded_scratch(rectangle, matrix.columns, height, width), clipped(rectangle, height, width)
    conv_relu(zero_padded_copy(image, input_region_of_conv(inside, TWO)), matrix, TWO, inside, out)
    return out


@kernel(EXACT_ORDER, allocates=True)
def quarter_size_detail(image, half_size, matrix, rectangle, out):
    """Apply ``conv_relu`` of stride 2 to the map of ``half_size_detail``, computed only where the rectangle reads it.

    Parameters
    ----------
    image : float32 array (H, W, C_in)
    half_size, matrix : PackedMatrix
        The convolutions to half the image's size and to a quarter.
    rectangle : Rectangle
        Part of the map at a quarter of the size.
    out : Piece
        Part of the same map; the rectangle is filled.
    """
    conv_relu(half_size_detail(image, half_size, input_region_of_conv(rectangle, TWO)), matrix, TWO, rectangle, out)


@kernel(EXACT_ORDER)
def input_region_of_tile(tile, height, width, doublings):
    """The ``Rectangle`` that a tile of an alpha (height, width) reads of features still to be doubled so many times."""
    region = clipped(expanded(tile, ONE), height, width)
    for n in range(doublings):
        region = input_region_of_fusion(region, height >> n + 1, width >> n + 1)
    return region


@kernel(EXACT_ORDER, CALLED, allocates=True)
def head_of_rectangle(x, head, rectangle, alpha):
    """Apply the matting head, ``sigmoid(relu(conv3x3(x)) @ weight + bias)``, for a rectangle of the alpha.

    It goes by pairs of rows, so that the channels between its two convolutions never leave the caches.

    Parameters
    ----------
    x : Piece
        Part of the features: the rectangle and a halo of one pixel, zeros outside the map.
    head : (PackedConv3x3, float32 array (C,), float)
        ``pack_conv3x3(weight, bias)``, C_in to C channels; weight and bias of the 1x1 convolution.
    rectangle : Rectangle
    alpha : float32 array (H, W)
        The rectangle is filled.
    """
    top, left, bottom, right = rectangle
    conv, weight, bias = head
    width, channels, tiles = right - left, conv.columns, output_tiles(left, right)
    step = 2 * tiles * channels
    scratch, hidden = conv3x3_scratch(conv, tiles), aligned_scratch(2 * step)
    for y in range(top // 2 * 2, bottom, 2):
        convolve_two_rows(x, y, rectangle, conv, scratch, hidden)
        relu(hidden)
        for row in range(greater(y, top), lesser(y + 2, bottom)):
            first = (row - y) * step + left % 2 * channels
            sigmoid_of_product(view(hidden, first, (width, channels)), weight, bias,
                               view(alpha, row * alpha.shape[1] + left, (width,)))  # fmt: skip


@kernel(EXACT_ORDER, allocates=True)
def alpha_of_tile(features, image, half_size, blocks, head, tile, alpha):
    """Compute the last one or two fusion blocks and the head for a tile of the alpha.

    Parameters
    ----------
    features : Piece
        The map that ``blocks`` double: at least what the tile reads of it.
    image : float32 array (H, W, C)
        The last block's detail map.
    half_size : PackedMatrix
        The convolution of ``half_size_detail``, which gives the detail map of the block before the last. It is not
        read where there is one block.
    blocks : tuple of pairs (PackedConv3x3, float32 array (3, .))
        ``conv`` and ``taps`` of ``fuse``.
    head : (PackedConv3x3, float32 array, float)
        See ``head_of_rectangle``.
    tile : Rectangle
        Part of the alpha.
    alpha : float32 array (H, W)
        The tile is filled.
    """
    height, width = alpha.shape
    for n in range(len(blocks)):
        (conv, taps), left = blocks[n], len(blocks) - 1 - n  # so many blocks are left after this one
        rectangle = input_region_of_tile(tile, height, width, left)
        region = expanded(rectangle, ONE)
        detail = half_size_detail(image, half_size, region) if left else zero_padded_copy(image, region)
        # The head's windows reach outside the image.
        out = zero_padded_scratch(rectangle if left else expanded(tile, ONE), conv.columns, height, width)
        shape = height >> left + 1, width >> left + 1
        fuse(detail, conv, features, taps, shape, rectangle, out, _RELU)
        features = out
    head_of_rectangle(features, head, tile, alpha)
