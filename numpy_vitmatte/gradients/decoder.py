"""The detail capture decoder with frozen batch norms, and its gradients, image by image.

Maps are whole here, since the gradients read all of them.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

import numpy as np

from numpy_vitmatte.gradients.batch_norm import unfolded
from numpy_vitmatte.gradients.conv import (
    ROWS,
    as_stored,
    conv_weight_gradient,
    double,
    framed,
    pack_doubling,
)
from numpy_vitmatte.gradients.fusion import FusionGradient, fuse_into
from numpy_vitmatte.gradients.head import HeadGradient, matting_head
from numpy_vitmatte.gradients.linear import Tensors
from numpy_vitmatte.kernels.gradients.elementwise import relu_backward
from numpy_vitmatte.layers.convstream import convstream
from numpy_vitmatte.network.batch_norm import HEAD_EPSILON, fold_batch_norms
from numpy_vitmatte.network.parameters import DecoderParameters
from numpy_vitmatte.runtime.recycling import recycled_empty
from numpy_vitmatte.runtime.threads import for_each_block, run_all


class DecoderStates(NamedTuple):
    """The maps of an image that the decoder keeps for its gradients.

    Attributes
    ----------
    details : list of float32 arrays
        D0, D1, ... in frames.
    fused : list of float32 arrays
        The features (h, w, C), then the result of each fusion block; the last, which the head convolves, in a frame.
    hidden : float32 array (H, W, 16)
        The head's map behind its first convolution.
    alpha : float32 array (H, W)
    """

    details: list[np.ndarray]
    fused: list[np.ndarray]
    hidden: np.ndarray
    alpha: np.ndarray


def decoder(features: np.ndarray, image: np.ndarray, parameters: DecoderParameters) -> DecoderStates:
    """Compute the alpha of an image (H, W, 4) from the transformer's features (h, w, C), and what is kept."""
    details, fused = convstream(image, parameters.convstream), [features]
    for index, (detail, block) in enumerate(zip(reversed(details), parameters.fusion_blocks, strict=True)):
        height, width, _ = fused[-1].shape
        shape, last = (2 * height, 2 * width, block.detail.columns), index == len(details) - 1
        out = framed(shape) if last else recycled_empty(shape)
        fuse_into(fused[-1], detail, block, out, frame=int(last))
        fused.append(out)
    alpha, hidden = matting_head(fused[-1], parameters.matting_head)
    return DecoderStates(details, fused, hidden, alpha)


class DecoderGradient:
    """Gradients of the decoder, to which images are added.

    Parameters
    ----------
    w : mapping of str to float32 array
        Tensors under ``decoder.``, as a checkpoint stores them.
    features : int
        Channels of the transformer's features.
    epsilon : float
        Of the batch norms but the head's.
    """

    def __init__(self, w: Mapping[str, np.ndarray], features: int, epsilon: float) -> None:
        self._w, self._epsilon, folded = w, epsilon, fold_batch_norms(w, epsilon)
        self._stages = sum(name.startswith("convstream.") and name.endswith(".conv.weight") for name in folded)
        halvings = [folded[f"convstream.convs.{n}.conv.weight"] for n in range(self._stages)]
        self._doublings = run_all([partial(pack_doubling, weight) for weight in halvings])
        self._by_halvings = [conv_weight_gradient(weight.shape, 2) for weight in halvings]
        self._by_shifts = [np.zeros(len(weight), np.float32) for weight in halvings]
        weights = [folded[f"fusion_blocks.{n}.conv.conv.weight"] for n in range(self._stages + 1)]
        inputs = [features, *(len(weight) for weight in weights[:-1])]
        self._fusions = run_all([partial(FusionGradient, *both) for both in zip(weights, inputs, strict=True)])
        last = folded["matting_head.matting_convs.3.weight"].reshape(-1)
        self._head = HeadGradient(folded["matting_head.matting_convs.0.weight"], last)

    def add(self, dalpha: np.ndarray, kept: DecoderStates) -> np.ndarray:
        """Add an image with its gradient by the alpha (H, W), and go back to its features: (h, w, C)."""
        d = self._head.add(dalpha, kept.alpha, kept.hidden, kept.fused[-1])
        ddetails: list[np.ndarray] = []
        for n in reversed(range(len(self._fusions))):
            fused = kept.fused[n + 1]
            fusion, number = self._fusions[n], self._stages - n
            d, sums = through_relu(d, fused, frame=int(n == self._stages))
            fusion.bias += sums
            if number:  # D0 is the image
                ddetails.append(fusion.detail_backward(d))
            d = fusion.add(d, kept.fused[n], kept.details[number])
        self._convstream_backward(ddetails, kept.details)
        return d

    def _convstream_backward(self, ddetails: list[np.ndarray], details: list[np.ndarray]) -> None:
        """Go from the smallest map up; each gets the gradient of its fusion block plus that of the next smaller map."""
        for n in reversed(range(self._stages)):
            d, sums = through_relu(ddetails.pop(), details[n + 1], frame=1)
            self._by_shifts[n] += sums
            self._by_halvings[n].add_image(details[n], d, frame=1)
            if n:
                ddetails[-1] += double(d, self._doublings[n])

    def gradients(self) -> Tensors:
        """Return the gradients by all tensors under ``decoder.``."""
        parts: list[Callable[[], Tensors]] = [partial(self._of_stage, n) for n in range(self._stages)]
        parts += [partial(self._of_fusion, n) for n in range(len(self._fusions))]
        return {name: value for part in run_all([*parts, self._of_head]) for name, value in part.items()}

    def _of_stage(self, n: int) -> Tensors:
        names = f"convstream.convs.{n}.conv.", f"convstream.convs.{n}.batch_norm."
        return unfolded(as_stored(self._by_halvings[n]), self._by_shifts[n], self._w, names, self._epsilon)

    def _of_fusion(self, n: int) -> Tensors:
        names = f"fusion_blocks.{n}.conv.conv.", f"fusion_blocks.{n}.conv.batch_norm."
        return unfolded(self._fusions[n].weight, self._fusions[n].bias, self._w, names, self._epsilon)

    def _of_head(self) -> Tensors:
        name = "matting_head.matting_convs."
        dw = unfolded(self._head.weight, self._head.bias, self._w, (f"{name}0.", f"{name}1."), HEAD_EPSILON)
        last = self._head.last.reshape(self._w[f"{name}3.weight"].shape)
        return dw | {f"{name}3.weight": last, f"{name}3.bias": self._head.last_bias}


def through_relu(dy: np.ndarray, y: np.ndarray, frame: int) -> tuple[np.ndarray, np.ndarray]:
    """Go back through a ReLU: dy where y is above zero, zero elsewhere.

    Parameters
    ----------
    dy : float32 array (H, W, C)
    y : float32 array (H + 2 * frame, W + 2 * frame, C)
    frame : int

    Returns
    -------
    d : float32 array (H + 2, W + 2, C)
        In a frame.
    sums : float32 array (C,)
        Sum over all pixels.
    """
    height, width, channels = dy.shape
    d, sums = framed(dy.shape), np.zeros((-(-height // ROWS), width * channels), np.float32)

    def rows(first: int, last: int) -> None:
        relu_backward(dy, y, frame, first, last, d, sums[first // ROWS])

    for_each_block(rows, height, ROWS)
    return d, sums.sum(axis=0).reshape(width, channels).sum(axis=0)
