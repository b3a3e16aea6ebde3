"""A price on the bias of each kind of picture and size: means of alpha drift apart among kinds that look alike.

A network that cannot tell an object of many parts from a net answers with the mean of both: too low for one, too high
for the other. Squared errors alone take long to part them, and what is too high in large crops may be too low in small
ones. Here the trainer keeps a running mean of the bias of each kind and size, and adds to the loss half of its square,
times `PRICE`, for each picture: a penalty for the constraint that no kind is biased. The gradient takes the running
mean for the picture's own, which scatters too much to follow.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .scenes import SCENES
from .validation_set import RARE_KINDS

PRICE = 150.0  # the loss's squared part weighs 8
DECAY = 0.98  # for each picture of the kind

GOALS = {"parts": 0.05, "mesh": 0.03, "hair": -0.02, "plush": -0.01, "plant": -0.01, "cords": 0.01}
"""Where a kind's bias is to go, if not to 0. In held-back pictures it is lower, or higher, than in the training's:
prints never seen are more easily taken for background. And the price moves it only a part of the way."""


def group(kind: str) -> str:
    """The table of the gate in which a sample's kind is counted."""
    if kind in SCENES:
        return kind
    return "rare" if kind in RARE_KINDS else "compose"


class Biases:
    """The running mean of the bias over the unknown pixels, by group and side ("mesh 320"); it begins at 0."""

    def __init__(self) -> None:
        self.means: dict[str, float] = {}

    def gradient(
        self, predicted: np.ndarray, alphas: np.ndarray, unknown: np.ndarray, kinds: Sequence[str]
    ) -> np.ndarray:
        """Take in a batch (B, H, W) and return the price's gradient by `predicted`."""
        result = np.zeros_like(predicted)
        for picture, kind in enumerate(kinds):
            where = unknown[picture]
            pixels = int(np.count_nonzero(where))
            if pixels == 0:
                continue
            bias = float((predicted[picture] - alphas[picture])[where].mean())
            counted = group(kind)
            table = f"{counted} {predicted.shape[-1]}"
            mean = DECAY * self.means.get(table, 0.0) + (1 - DECAY) * bias
            self.means[table] = mean
            result[picture][where] = PRICE * (mean - GOALS.get(counted, 0.0)) / (pixels * len(kinds))
        return result
