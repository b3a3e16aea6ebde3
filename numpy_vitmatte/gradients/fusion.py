"""Gradients of a fusion block.

The features' half of the block is a linear layer at low resolution, whose nine maps are blended into the doubled map.
So are its gradients: the doubled map's gradient is gathered into nine low-resolution maps (``kernels/gradients/
blend.py``), and these go back through the linear layer, for a quarter of the work of a convolution.
"""

import numpy as np

from numpy_vitmatte.gradients.conv import as_stored, conv_weight_gradient, convolve, pack_turned
from numpy_vitmatte.gradients.products import WeightGradient, pack_stored
from numpy_vitmatte.kernels.gradients.blend import blend_backward
from numpy_vitmatte.kernels.matmul import linear
from numpy_vitmatte.kernels.regions import Rectangle, whole
from numpy_vitmatte.layers.fusion import ROWS_PER_BLOCK, FusionParameters, fuse_rectangle
from numpy_vitmatte.runtime.recycling import recycled_empty
from numpy_vitmatte.runtime.threads import for_each_block

GATHERED_FLOATS = 1 << 21
"""Numbers of the nine low-resolution maps that exist at one time, unless one row has more."""

FLOATS_AT_A_TIME = 1 << 17
"""Those that a thread makes at a time: they are still in its cache when they go back to the features."""


def fuse_into(
    features: np.ndarray,
    detail: np.ndarray,
    parameters: FusionParameters,
    out: np.ndarray,
    frame: int = 0,
    floor: float = 0.0,
) -> None:
    """Apply a fusion block to features (h, w, C) and a detail map in a frame.

    ``out`` is (2 h, 2 w, N), or that in a frame of ``frame`` pixels. ``floor`` is that of ``fuse_rectangle``.
    """
    height, width, _ = features.shape

    def rows(first: int, last: int) -> None:
        rectangle = Rectangle(first, 0, last, 2 * width)
        shape, target = (height, width), whole(out, frame)
        fuse_rectangle(whole(features), whole(detail, 1), parameters, shape, rectangle, target, floor)

    for_each_block(rows, 2 * height, ROWS_PER_BLOCK)


class FusionGradient:
    """Gradients of a fusion block's convolution, to which images are added.

    Parameters
    ----------
    weight : float32 array (N, C_detail + C, 3, 3)
        The detail map's channels come first.
    features : int
        C.
    """

    def __init__(self, weight: np.ndarray, features: int) -> None:
        detail, upsampled, outputs = weight[:, :-features], weight[:, -features:], len(weight)
        self._turned = pack_turned(detail)
        taps = upsampled.transpose(2, 3, 0, 1)  # [N, C, 3, 3] -> [3, 3, N, C]
        self._taps = pack_stored(taps.reshape(9 * outputs, features))
        self._by_detail = conv_weight_gradient(detail.shape)
        self._by_features = WeightGradient(features, 9 * outputs)
        self.bias = np.zeros(outputs, np.float32)

    @property
    def weight(self) -> np.ndarray:
        """The gradient by the weight (N, C_detail + C, 3, 3)."""
        features, outputs = self._by_features.total.shape[2], len(self.bias)
        taps = self._by_features.total.reshape(features, 3, 3, outputs).transpose(3, 0, 1, 2)
        return np.concatenate([as_stored(self._by_detail), taps], axis=1)

    def add(self, dy: np.ndarray, features: np.ndarray, detail: np.ndarray) -> np.ndarray:
        """Add an image, and go back to its features.

        Parameters
        ----------
        dy : float32 array (2 h + 2, 2 w + 2, N)
            Gradient behind the convolution, in a frame.
        features : float32 array (h, w, C)
        detail : float32 array (2 h + 2, 2 w + 2, C_detail)
            In a frame.

        Returns
        -------
        float32 array (h, w, C)
        """
        self._by_detail.add_image(detail, dy, frame=1)
        height, width, channels = features.shape
        dfeatures = recycled_empty(features.shape)
        size = 9 * len(self.bias)
        band = max(1, GATHERED_FLOATS // (width * size))
        for begin in range(0, height, band):
            end = min(begin + band, height)
            gathered = recycled_empty((end - begin, width, size))

            def rows(first: int, last: int, begin: int = begin, gathered: np.ndarray = gathered) -> None:
                own = gathered[first:last]
                blend_backward(dy, begin + first, begin + last, own)
                linear(own, self._taps, dfeatures[begin + first : begin + last])

            for_each_block(rows, end - begin, max(1, FLOATS_AT_A_TIME // (width * size)))
            self._by_features.add_rows(features[begin:end].reshape(-1, channels), gathered.reshape(-1, size))
        return dfeatures

    def detail_backward(self, dy: np.ndarray) -> np.ndarray:
        """Go back to the detail map: (2 h, 2 w, C_detail)."""
        return convolve(dy, self._turned)
