"""Everything a run needs to go on: network, optimiser, running average, step and sample counts, random numbers."""

from __future__ import annotations

import copy
import os
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn


@dataclass
class Run:
    """A training run between two steps. `average` is the moving average of the weights: what is exported."""

    model: nn.Module
    optimizer: torch.optim.Optimizer
    average: dict[str, Tensor] = field(default_factory=dict)
    step: int = 0
    samples: int = 0
    seconds: float = 0.0

    def __post_init__(self) -> None:
        if not self.average:
            self.average = {name: value.detach().clone() for name, value in self.model.state_dict().items()}

    @torch.no_grad()
    def update_average(self, decay: float) -> None:
        """Move the average towards the present weights; early on faster, so that the start is soon forgotten."""
        share = 1 - min(decay, (self.step + 1) / (self.step + 10))
        for name, value in self.model.state_dict().items():
            if value.dtype.is_floating_point:
                self.average[name].lerp_(value, share)
            else:
                self.average[name].copy_(value)

    @torch.no_grad()
    def freeze_norms(self) -> None:
        """Let batch norms keep the averaged mean and variance from now on: those of a few pictures only scatter."""
        for prefix, module in self.model.named_modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
                module.running_mean.copy_(self.average[f"{prefix}.running_mean"])
                module.running_var.copy_(self.average[f"{prefix}.running_var"])

    def averaged_model(self) -> nn.Module:
        """A copy of the network that carries the average, in evaluation mode."""
        model = copy.deepcopy(self.model)
        model.load_state_dict(self.average)
        return model.eval()

    def save(self, path: Path) -> None:
        """Write to a temporary file, then rename: an interrupted run never leaves half a checkpoint."""
        content = {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "average": self.average,
            "counts": (self.step, self.samples, self.seconds),
            "torch_rng": torch.get_rng_state(),
        }
        temporary = path.with_suffix(".tmp")
        torch.save(content, temporary)
        os.replace(temporary, path)

    def load(self, path: Path, device: torch.device) -> None:
        """Continue where `save` left off, on any device."""
        content = torch.load(path, map_location=device, weights_only=True)
        self.model.load_state_dict(content["model"])
        self.optimizer.load_state_dict(content["optimizer"])
        self.average = content["average"]
        self.step, self.samples, self.seconds = content["counts"]
        torch.set_rng_state(content["torch_rng"].cpu())
