"""A bound on every number of the decoder, known before it is computed.

A ReLU makes an ordinary 0 of the NaN that an overflow leaves, so that the alpha would be wrong and look right. But a
convolution makes no number larger than the largest of its input times the sum of its weights' amounts, plus its bias:
layer by layer these bounds say that nothing can overflow. For trained networks they are far below what float32 holds.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

LARGEST_SUM = 1e36
"""float32 ends at 3.4e38. Winograd's algorithm adds up to 36 products of the numbers that are bounded here."""


class Gain(NamedTuple):
    """The largest sum of weights' amounts over a layer's channels, and the largest amount of its biases."""

    weight: float
    bias: float

    def bound(self, largest: float) -> float:
        """Bound what the layer makes of numbers up to `largest`."""
        return self.weight * largest + self.bias


class DecoderGains(NamedTuple):
    """The gains of the decoder's layers; `fusions` has two each, of the detail map and of the features."""

    details: tuple[Gain, ...]
    fusions: tuple[tuple[Gain, Gain], ...]
    head: tuple[Gain, ...]

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, np.ndarray], features: list[int]) -> "DecoderGains":
        """Take the tensors under ``decoder.`` after ``fold_batch_norms``.

        Parameters
        ----------
        tensors : mapping of str to float32 array
        features : list of int
            Channels of the features that each fusion block joins with its detail map, which comes first.
        """
        names = [f"convstream.convs.{n}.conv" for n in range(len(features) - 1)]
        details = tuple(_gain(tensors[f"{name}.weight"], tensors[f"{name}.bias"]) for name in names)
        fusions = []
        for number, count in enumerate(features):
            name = f"fusion_blocks.{number}.conv.conv"
            weight, bias = tensors[f"{name}.weight"], tensors[f"{name}.bias"]
            fusions.append((_gain(weight[:, :-count], bias), _gain(weight[:, -count:], bias[:0])))
        head = [f"matting_head.matting_convs.{n}" for n in (0, 3)]
        return cls(
            details, tuple(fusions), tuple(_gain(tensors[f"{name}.weight"], tensors[f"{name}.bias"]) for name in head)
        )

    def largest(self, image: float, tokens: float) -> float:
        """Bound the amount of every number, the head's logits among them, by the largest of image and tokens."""
        details = [image]
        for gain in self.details:
            details.append(gain.bound(details[-1]))
        bounds, features = [*details, tokens], tokens
        for detail, (of_detail, of_features) in zip(reversed(details), self.fusions, strict=True):
            features = of_detail.bound(detail) + of_features.bound(features)
            bounds.append(features)
        for gain in self.head:
            features = gain.bound(features)
            bounds.append(features)
        return max(bounds)


def _gain(weight: np.ndarray, bias: np.ndarray) -> Gain:
    sums = np.abs(weight).sum(axis=(1, 2, 3), dtype=np.float64)
    return Gain(float(sums.max(initial=0)), float(np.abs(bias).max(initial=0)))
