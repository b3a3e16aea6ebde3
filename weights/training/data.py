"""Samples for the trainer: number i of a run is always the same picture, made in a second process."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from .compose import Sample
from .material import Material
from .mixture import draw_sample


def to_tensors(sample: Sample) -> tuple[Tensor, Tensor, Tensor]:
    """pixel_values (4, H, W) float32 (RGB -1..1, trimap / 255), alpha (1, H, W) float32, trimap (1, H, W) uint8."""
    image = torch.from_numpy(sample.image).permute(2, 0, 1).float() / 127.5 - 1
    trimap = torch.from_numpy(sample.trimap)[None]
    alpha = torch.from_numpy(sample.alpha)[None].float() / 255
    return torch.cat([image, trimap.float() / 255]), alpha, trimap


class Samples(IterableDataset):
    """Endless samples from number `start`; with several workers each makes every n-th batch."""

    def __init__(self, material: Material, size: int, batch: int, seed: int, start: int) -> None:
        self.material, self.size, self.batch, self.seed, self.start = material, size, batch, seed, start

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        worker = get_worker_info()
        if worker:
            torch.set_num_threads(1)
        first, step = (worker.id, worker.num_workers) if worker else (0, 1)
        batch_number = first
        while True:
            for i in range(self.batch):
                number = self.start + batch_number * self.batch + i
                yield to_tensors(draw_sample([self.seed, number], self.size, self.material))
            batch_number += step


def loader(material: Material, size: int, batch: int, seed: int, start: int, workers: int) -> DataLoader:
    """Batches in order of their numbers, drawn `workers` at a time in other processes (0: in this one)."""
    samples = Samples(material, size, batch, seed, start)
    ahead = {"prefetch_factor": 4, "persistent_workers": True} if workers else {}
    return DataLoader(samples, batch_size=batch, num_workers=workers, pin_memory=torch.cuda.is_available(), **ahead)
