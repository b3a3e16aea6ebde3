"""What a 3x3 convolution gives, in float64, and how far Winograd's way of computing it may round."""

import numpy as np

from numpy_vitmatte.kernels import winograd
from numpy_vitmatte.testing import UNIT


def convolved(image, weight, bias):
    """(H, W, C_in) -> (H, W, C_out), zeros around, in float64."""
    framed, weight = np.pad(image, ((1, 1), (1, 1), (0, 0))).astype(np.float64), weight.astype(np.float64)
    height, width, _ = image.shape
    taps = [framed[dy : dy + height, dx : dx + width] @ weight[:, :, dy, dx].T for dy in range(3) for dx in range(3)]
    return sum(taps) + bias


def rounding_bound(image, weight, bias):
    """What the roundings of Winograd's sums add up to, of each output: all that is added there, without its signs.

    A sum of C_in products, and before it 4 additions of pixels and a rounding of the weight, after it 8 of products and
    the bias. A direct sum has 9 C_in products, but smaller ones.
    """
    height, width, inputs = image.shape
    padded = np.pad(np.abs(image).astype(np.float64), ((1, 2), (1, 2), (0, 0)))
    of_input, of_weight, of_output = (np.abs(matrix) for matrix in (winograd.INPUT, winograd.WEIGHT, winograd.OUTPUT))
    weights = of_weight @ np.abs(weight).astype(np.float64) @ of_weight.T
    out = np.empty((height + 1, width + 1, len(weight)))
    for y in range(0, height, 2):
        for x in range(0, width, 2):
            pixels = np.einsum("iy,yxc,jx->ijc", of_input, padded[y : y + 4, x : x + 4], of_input)
            products = np.einsum("ijc,ocij->ijo", pixels, weights)
            out[y : y + 2, x : x + 2] = np.einsum("iy,yxo,jx->ijo", of_output, products, of_output)
    direct = convolved(np.abs(image), np.abs(weight), np.abs(bias))
    return UNIT * ((inputs + 14) * (out[:height, :width] + np.abs(bias)) + 9 * inputs * direct)
