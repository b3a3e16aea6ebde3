"""Everything a run needs to go on: weights, optimiser, running average, means of biases, step and sample counts."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from numpy_vitmatte import VitMatteForImageMatting
from numpy_vitmatte.training import AdamW, MovingAverage
from numpy_vitmatte.training.state_file import read_state, write_state

from .biases import Biases

COUNTS = ("step", "samples", "seconds")
STATISTICS = (".running_mean", ".running_var")


@dataclass
class Run:
    """A training run between two steps. `average` is the moving average of the weights: what is exported."""

    model: VitMatteForImageMatting
    optimizer: AdamW = field(init=False)
    average: MovingAverage = field(init=False)
    biases: Biases = field(default_factory=Biases)
    step: int = 0
    samples: int = 0
    seconds: float = 0.0

    def __post_init__(self) -> None:
        self.optimizer = AdamW({name: tensor.copy() for name, tensor in self.model.tensors.items()})
        self.average = MovingAverage(self.model.tensors)

    @property
    def tensors(self) -> dict[str, np.ndarray]:
        """The present weights and statistics, which steps change in place."""
        return self.optimizer.tensors

    def take_statistics(self) -> None:
        """Take over those of batch norms, which the model itself moves where they are not frozen."""
        for name, tensor in self.tensors.items():
            if name.endswith(STATISTICS):
                tensor[...] = self.model.tensors[name]

    def freeze_norms(self) -> None:
        """Let batch norms keep the averaged mean and variance from now on: those of a few pictures only scatter."""
        for name, tensor in self.tensors.items():
            if name.endswith(STATISTICS):
                tensor[...] = self.average.tensors[name]
        self.model.update_parameters(self.tensors)

    def averaged_model(self) -> VitMatteForImageMatting:
        """A network that carries the average."""
        return VitMatteForImageMatting(self.model.config, self.average.tensors)

    def save(self, path: Path) -> None:
        """Replace the file as a whole: an interrupted run never leaves half a state."""
        counts = {name: getattr(self, name) for name in COUNTS}
        write_state(path, self.optimizer, self.average, counts | {"biases": self.biases.means})

    def load(self, path: Path) -> None:
        """Continue where `save` left off."""
        stored = read_state(path)
        stored.restore(self.optimizer, self.average)
        for name in COUNTS:
            setattr(self, name, stored.words[name])
        self.biases.means = stored.words.get("biases", {})  # none in the states of earlier recipes
        self.model.update_parameters(self.tensors)
