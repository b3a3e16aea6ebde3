"""The matting head with its batch norm folded in, and its gradients."""

import numpy as np

from numpy_vitmatte.gradients.conv import ROWS, as_stored, conv_weight_gradient, convolve, framed, pack_turned
from numpy_vitmatte.kernels.conv3x3 import convolve_rows
from numpy_vitmatte.kernels.elementwise import relu, sigmoid_of_product
from numpy_vitmatte.kernels.gradients.elementwise import sigmoid_of_product_backward
from numpy_vitmatte.layers.head import HeadParameters
from numpy_vitmatte.runtime.recycling import recycled_empty
from numpy_vitmatte.runtime.threads import for_each_block


def matting_head(x: np.ndarray, parameters: HeadParameters) -> tuple[np.ndarray, np.ndarray]:
    """Compute the alpha (H, W) of an image (H + 2, W + 2, C) in a frame, and the map (H, W, 16) that is kept."""
    height, width = x.shape[0] - 2, x.shape[1] - 2
    hidden, alpha = (
        recycled_empty((height, width, parameters.conv.columns)),
        np.empty((height, width), np.float32),
    )

    def rows(first: int, last: int) -> None:
        own = convolve_rows(x, parameters.conv, first, last, hidden[first:last]).reshape(-1, hidden.shape[2])
        relu(own.reshape(-1))
        sigmoid_of_product(own, parameters.weight, parameters.bias, alpha[first:last].reshape(-1))

    for_each_block(rows, height, ROWS)
    return alpha, hidden


class HeadGradient:
    """Gradients of the head's two convolutions, to which images are added.

    Parameters
    ----------
    weight : float32 array (16, C, 3, 3)
        Of the first convolution, batch norm folded in.
    last : float32 array (16,)
        Weight of the 1x1 convolution.
    """

    def __init__(self, weight: np.ndarray, last: np.ndarray) -> None:
        self._turned, self._last = pack_turned(weight), last
        self._by_weight = conv_weight_gradient(weight.shape)
        self.bias = np.zeros(len(weight), np.float32)
        self.last, self.last_bias = np.zeros_like(last), np.zeros(1, np.float32)

    @property
    def weight(self) -> np.ndarray:
        """The gradient by the first convolution's weight."""
        return as_stored(self._by_weight)

    def add(self, dalpha: np.ndarray, alpha: np.ndarray, hidden: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Add an image, and go back to the head's input.

        Parameters
        ----------
        dalpha, alpha : float32 array (H, W)
        hidden : float32 array (H, W, 16)
            What ``matting_head`` kept.
        x : float32 array (H + 2, W + 2, C)
            In a frame.

        Returns
        -------
        float32 array (H, W, C)
        """
        dlogit = dalpha * alpha * (1 - alpha)
        d, by_bias, by_last = through_last(dlogit, self._last, hidden)
        self.bias += by_bias
        self.last += by_last
        self.last_bias += dlogit.sum()
        self._by_weight.add_image(x, d, frame=1)
        return convolve(d, self._turned)


def through_last(dlogit: np.ndarray, weight: np.ndarray, hidden: np.ndarray) -> tuple[np.ndarray, ...]:
    """Go back through the 1x1 convolution and the ReLU before it.

    Parameters
    ----------
    dlogit : float32 array (H, W)
        Gradient before the sigmoid.
    weight : float32 array (16,)
    hidden : float32 array (H, W, 16)
        The result of the ReLU.

    Returns
    -------
    d : float32 array (H + 2, W + 2, 16)
        In a frame.
    sums, dweight : float32 arrays (16,)
        Sum of ``d`` over all pixels; gradient by ``weight``.
    """
    d, sums = framed(hidden.shape), np.zeros((-(-len(hidden) // ROWS), 2, len(weight)), np.float32)

    def rows(first: int, last: int) -> None:
        sigmoid_of_product_backward(dlogit, weight, hidden, first, last, d, sums[first // ROWS])

    for_each_block(rows, len(hidden), ROWS)
    return d, *sums.sum(axis=0)
