"""Gradients of 3x3 convolutions: by the image a convolution again, by the weight a sum over pixels for each tap.

A *frame* is a border of one zero pixel around an image. Images in frames are (H + 2, W + 2, C).
"""

import numpy as np

from numpy_vitmatte.gradients.products import WeightGradient
from numpy_vitmatte.kernels.conv import conv_rows, pack_conv
from numpy_vitmatte.kernels.conv3x3 import convolve_rows
from numpy_vitmatte.kernels.gradients.weights import Window
from numpy_vitmatte.kernels.matmul import PackedMatrix
from numpy_vitmatte.kernels.winograd import PackedConv3x3, pack_conv3x3
from numpy_vitmatte.runtime.recycling import recycled_empty
from numpy_vitmatte.runtime.threads import even_block, for_each_block

ROWS = 16
"""The most rows of an image that a thread takes at a time."""


def framed(shape: tuple[int, ...]) -> np.ndarray:
    """Make an image (H, W, C) to be filled, in a frame."""
    height, width, channels = shape
    out = recycled_empty((height + 2, width + 2, channels))
    out[0], out[-1], out[:, 0], out[:, -1] = 0, 0, 0, 0
    return out


def inside(image: np.ndarray) -> np.ndarray:
    """Return the image in a frame, without the frame."""
    return image[1:-1, 1:-1]


def convolve(x: np.ndarray, conv: PackedConv3x3) -> np.ndarray:
    """Convolve an image in a frame on all threads: (H + 2, W + 2, C) to (H, W, N)."""
    height, width = x.shape[0] - 2, x.shape[1] - 2
    out = recycled_empty((height, width, conv.columns))

    def rows(first: int, last: int) -> None:
        convolve_rows(x, conv, first, last, out[first:last])

    for_each_block(rows, height, even_block(height, ROWS, 2))
    return out


def halve(x: np.ndarray, matrix: PackedMatrix) -> np.ndarray:
    """Convolve an image in a frame with stride 2 on all threads: (H + 2, W + 2, C) to (H / 2, W / 2, N)."""
    height, width = x.shape[0] // 2 - 1, x.shape[1] // 2 - 1
    out = recycled_empty((height, width, matrix.columns))

    def rows(first: int, last: int) -> None:
        out[first:last] = conv_rows(x, matrix, first, last, stride=2)

    for_each_block(rows, height, even_block(height, ROWS, 1))
    return out


def pack_turned(weight: np.ndarray) -> PackedConv3x3:
    """Pack the way back through a 3x3 convolution of stride 1, weight (N, C, 3, 3), to its image.

    What a pixel gave to its neighbor comes back from there: a convolution by the weight turned around.
    """
    return pack_conv3x3(weight[:, :, ::-1, ::-1].swapaxes(0, 1))  # [N, C, 3, 3] -> [C, N, 3, 3]


def pack_doubling(weight: np.ndarray) -> PackedMatrix:
    """Pack the way back through a 3x3 convolution of stride 2 and padding 1, weight (N, C, 3, 3), to its image.

    Pixels (2 y, 2 x), (2 y, 2 x + 1), (2 y + 1, 2 x) and (2 y + 1, 2 x + 1) lie under the windows of outputs y to y + 1
    and x to x + 1 alone. So the four of them are the outputs of one convolution by 2 x 2 taps, a quarter of the
    channels each.
    """
    outputs, channels, _, _ = weight.shape
    taps = np.zeros((2, 2, channels, outputs, 2, 2), np.float32)
    for row, column in np.ndindex(3, 3):
        # Output y reaches row 2 y - 1 by its first row of taps, row 2 y by the second, row 2 y + 1 by the third.
        (down, y), (right, x) = (((1, 1), (0, 0), (1, 0))[tap] for tap in (row, column))
        taps[down, right, :, :, y, x] = weight[:, :, row, column].T
    return pack_conv(taps.reshape(4 * channels, outputs, 2, 2))


def double(dy: np.ndarray, matrix: PackedMatrix) -> np.ndarray:
    """Apply ``pack_doubling``: (h + 2, w + 2, N), in a frame, to (2 h, 2 w, C)."""
    height, width, channels = dy.shape[0] - 2, dy.shape[1] - 2, matrix.columns // 4
    out = recycled_empty((height, 2, width, 2, channels))
    below = dy[1:]  # the window of output (y, x) begins at pixel (y + 1, x + 1) of the frame

    def rows(first: int, last: int) -> None:
        found = conv_rows(below, matrix, first, last, size=2)[:, 1:]  # [., w + 1, 4 C] -> [., w, 4 C]
        out[first:last] = found.reshape(-1, width, 2, 2, channels).swapaxes(1, 2)

    for_each_block(rows, height, even_block(height, ROWS, 1))
    return out.reshape(2 * height, 2 * width, channels)


def conv_weight_gradient(weight_shape: tuple[int, ...], stride: int = 1) -> WeightGradient:
    """Make the gradient of a 3x3 convolution's weight (N, C, 3, 3), to which images are added."""
    outputs, inputs = weight_shape[:2]
    return WeightGradient(inputs, outputs, Window(3, stride))


def as_stored(gradient: WeightGradient) -> np.ndarray:
    """Return the gradient of a convolution's weight as checkpoints store it: (N, C, 3, 3)."""
    return np.ascontiguousarray(gradient.total.transpose(3, 2, 0, 1))
