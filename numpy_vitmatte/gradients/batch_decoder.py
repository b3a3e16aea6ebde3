"""The detail capture decoder with the batch's own statistics, and its gradients, layer by layer for all images.

A norm needs the maps of all images before any of them goes on. Weights are not folded here: how a convolution's result
is scaled depends on it.
"""

from collections.abc import Callable, Mapping

import numpy as np

from numpy_vitmatte.gradients.conv import (
    ROWS,
    as_stored,
    conv_weight_gradient,
    convolve,
    double,
    framed,
    halve,
    inside,
    pack_doubling,
    pack_turned,
)
from numpy_vitmatte.gradients.fusion import FusionGradient, fuse_into
from numpy_vitmatte.gradients.head import through_last
from numpy_vitmatte.gradients.linear import Tensors
from numpy_vitmatte.gradients.normalized_maps import NormalizedMaps
from numpy_vitmatte.kernels.conv import pack_conv
from numpy_vitmatte.kernels.elementwise import sigmoid_of_product
from numpy_vitmatte.kernels.winograd import pack_conv3x3
from numpy_vitmatte.layers.fusion import FusionParameters
from numpy_vitmatte.network.batch_norm import HEAD_EPSILON
from numpy_vitmatte.reference import under
from numpy_vitmatte.reference_backward import above
from numpy_vitmatte.runtime.recycling import recycled_empty
from numpy_vitmatte.runtime.threads import for_each_block

_HEAD, _HEAD_NORM = "matting_head.matting_convs.0.", "matting_head.matting_convs.1."
_LAST = "matting_head.matting_convs.3."


class BatchDecoder:
    """The decoder in training mode.

    Parameters
    ----------
    w : mapping of str to float32 array
        Tensors under ``decoder.``, as a checkpoint stores them.
    features : float32 array (B, h, w, C)
        The transformer's features.
    images : float32 array (B, H, W, 4)
    epsilon : float
        Of the batch norms but the head's.

    Attributes
    ----------
    alphas : float32 array (B, H, W)
    norms : dict of str to NormalizedMaps
        By their names under ``decoder.``, with a dot at the end.
    """

    def __init__(self, w: Mapping[str, np.ndarray], features: np.ndarray, images: np.ndarray, epsilon: float) -> None:
        self._w, self._features, self._epsilon = w, features, epsilon
        self._images = [_in_a_frame(image) for image in images]
        self._stages = sum(name.startswith("convstream.") and name.endswith(".conv.weight") for name in w)
        self.norms: dict[str, NormalizedMaps] = {}
        for n in range(self._stages):
            self._normalize(_stream(n, "batch_norm."), self._halve(n))
        for n in range(self._stages + 1):
            self._normalize(_fusion(n, "batch_norm."), self._fuse(n))
        head = pack_conv3x3(w[f"{_HEAD}weight"], w[f"{_HEAD}bias"])
        self._normalize(_HEAD_NORM, lambda i: convolve(self._fused(self._stages + 1, i, frame=1), head), HEAD_EPSILON)
        self.alphas = np.stack([self._alpha(i) for i in range(len(images))])

    def _normalize(self, name: str, convolved: Callable[[int], np.ndarray], epsilon: float | None = None) -> None:
        norm, own = under(self._w, name), self._epsilon if epsilon is None else epsilon
        maps = [convolved(i) for i in range(len(self._images))]
        self.norms[name] = NormalizedMaps(maps, norm["weight"], norm["bias"], own)

    def _detail(self, level: int, i: int) -> np.ndarray:
        """Give D0, D1, ... of an image, in a frame."""
        return self.norms[_stream(level - 1, "batch_norm.")].result(i) if level else self._images[i]

    def _fused(self, n: int, i: int, frame: int = 0) -> np.ndarray:
        """Give what fusion block n reads of an image: the features, or the result of the block before."""
        return self.norms[_fusion(n - 1, "batch_norm.")].result(i, frame) if n else self._features[i]

    def _halve(self, n: int) -> Callable[[int], np.ndarray]:
        """Return the function that applies convolution n of the ConvStream to an image."""
        matrix = pack_conv(self._w[f"{_stream(n, 'conv.')}weight"])
        return lambda i: halve(self._detail(n, i), matrix)

    def _fuse(self, n: int) -> Callable[[int], np.ndarray]:
        """Return the function that applies the convolution of fusion block n to an image."""
        weight = self._w[f"{_fusion(n, 'conv.')}weight"]
        tensors = {"conv.conv.weight": weight, "conv.conv.bias": np.zeros(len(weight), np.float32)}

        def fuse(i: int) -> np.ndarray:
            features = self._fused(n, i)
            height, width, channels = features.shape
            parameters = FusionParameters.from_tensors(tensors, channels)
            out = recycled_empty((2 * height, 2 * width, len(weight)))
            fuse_into(features, self._detail(self._stages - n, i), parameters, out, floor=-np.inf)
            return out

        return fuse

    def _alpha(self, i: int) -> np.ndarray:
        hidden, last = self.norms[_HEAD_NORM].result(i, frame=0), self._w[f"{_LAST}weight"].reshape(-1)
        alpha, bias = np.empty(hidden.shape[:2], np.float32), float(self._w[f"{_LAST}bias"][0])

        def rows(first: int, last_row: int) -> None:
            own = hidden[first:last_row].reshape(-1, hidden.shape[2])
            sigmoid_of_product(own, last, bias, alpha[first:last_row].reshape(-1))

        for_each_block(rows, len(hidden), ROWS)
        return alpha

    def backward(self, dalphas: np.ndarray) -> tuple[np.ndarray, Tensors]:
        """Go back to the features.

        Parameters
        ----------
        dalphas : float32 array (B, H, W)

        Returns
        -------
        dfeatures : float32 array (B, h, w, C)
        dw : dict of str to float32 array
            Gradients by all tensors under ``decoder.``.
        """
        ds, dw = self._head_backward(dalphas)
        ddetails: list[list[np.ndarray]] = []
        for n in reversed(range(self._stages + 1)):
            norm, weight = self.norms[_fusion(n, "batch_norm.")], self._w[f"{_fusion(n, 'conv.')}weight"]
            fusion, number = FusionGradient(weight, self._fused(n, 0).shape[2]), self._stages - n
            found, by_detail = [], []
            for i, d in enumerate(norm.backward(ds)):
                if number:  # D0 is the image
                    by_detail.append(fusion.detail_backward(d))
                found.append(fusion.add(d, self._fused(n, i), self._detail(number, i)))
            ds, ddetails = found, [*ddetails, by_detail] if number else ddetails
            dw |= above({"weight": fusion.weight}, _fusion(n, "conv.")) | _of(norm, _fusion(n, "batch_norm."))
        dw |= self._convstream_backward(ddetails)
        return np.stack(ds), {name: value.astype(np.float32) for name, value in dw.items()}

    def _head_backward(self, dalphas: np.ndarray) -> tuple[list[np.ndarray], Tensors]:
        """Go back through the head; the bias before its norm has no effect, and the gradient 0."""
        norm, weight = self.norms[_HEAD_NORM], self._w[f"{_HEAD}weight"]
        last = self._w[f"{_LAST}weight"].reshape(-1)
        dlogits = dalphas * self.alphas * (1 - self.alphas)
        dhidden, by_last = [], np.zeros(len(last))
        for i, dlogit in enumerate(dlogits):
            d, _, own = through_last(dlogit, last, norm.result(i, frame=0))
            dhidden.append(d)
            by_last += own
        turned, by_weight, ds = pack_turned(weight), conv_weight_gradient(weight.shape), []
        for i, d in enumerate(norm.backward(dhidden, frame=1)):
            by_weight.add_image(self._fused(self._stages + 1, i, frame=1), d, frame=1)
            ds.append(convolve(d, turned))
        dw = above({"weight": as_stored(by_weight), "bias": np.zeros(len(weight))}, _HEAD) | _of(norm, _HEAD_NORM)
        shape = self._w[f"{_LAST}weight"].shape
        return ds, dw | above({"weight": by_last.reshape(shape), "bias": dlogits.sum(keepdims=True).reshape(1)}, _LAST)

    def _convstream_backward(self, ddetails: list[list[np.ndarray]]) -> Tensors:
        """Go from the smallest map up; each gets the gradient of its fusion block plus that of the next smaller map."""
        dw: Tensors = {}
        for n in reversed(range(self._stages)):
            norm, weight = self.norms[_stream(n, "batch_norm.")], self._w[f"{_stream(n, 'conv.')}weight"]
            doubling, by_weight = pack_doubling(weight), conv_weight_gradient(weight.shape, 2)
            for i, d in enumerate(norm.backward(ddetails.pop())):
                by_weight.add_image(self._detail(n, i), d, frame=1)
                if n:
                    ddetails[-1][i] += double(d, doubling)
            dw |= above({"weight": as_stored(by_weight)}, _stream(n, "conv.")) | _of(norm, _stream(n, "batch_norm."))
        return dw


def _stream(n: int, part: str) -> str:
    return f"convstream.convs.{n}.{part}"


def _fusion(n: int, part: str) -> str:
    return f"fusion_blocks.{n}.conv.{part}"


def _of(norm: NormalizedMaps, name: str) -> Tensors:
    return above({"weight": norm.dweight, "bias": norm.dbias}, name)


def _in_a_frame(image: np.ndarray) -> np.ndarray:
    out = framed(image.shape)
    inside(out)[...] = image
    return out
