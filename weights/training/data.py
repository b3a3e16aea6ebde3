"""Batches for the trainer: that of step n is always the same one, drawn in other processes."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import count
from typing import NamedTuple

import numpy as np

from .compose import Sample
from .material import Material
from .mixture import draw_sample

AHEAD = 4  # batches that each worker has drawn or is drawing before they are asked for


class Batch(NamedTuple):
    """pixel_values (B, 4, H, W) float32 (RGB -1..1, trimap / 255), alphas (B, 1, H, W) float32, the samples' kinds."""

    pixels: np.ndarray
    alphas: np.ndarray
    kinds: tuple[str, ...]


class Source(NamedTuple):
    """What a run's batches depend on: material, sides and how many samples of each, seed, the first batch's number."""

    material: Material
    crops: list[tuple[int, int]]
    seed: int
    start: int

    def draw(self, number: int) -> Batch:
        """Batch `number` of this sitting, of one of the sides."""
        step = self.start + number
        choice = np.random.default_rng([self.seed, step, 0])  # the pictures' third numbers begin with 1
        side, samples = self.crops[choice.integers(len(self.crops))]
        return as_batch([draw_sample([self.seed, step, i + 1], side, self.material) for i in range(samples)])


def as_batch(samples: list[Sample]) -> Batch:
    """Samples of one size as the network takes them."""
    images = np.stack([np.dstack([sample.image, sample.trimap]) for sample in samples]).astype(np.float32)
    images[..., :3] = images[..., :3] / np.float32(127.5) - 1
    images[..., 3] /= 255
    alphas = np.stack([sample.alpha for sample in samples])[:, None].astype(np.float32) / 255
    pixels = images.transpose(0, 3, 1, 2)  # [B, H, W, 4] -> [B, 4, H, W]
    return Batch(pixels, alphas, tuple(sample.kind for sample in samples))


def batches(source: Source, workers: int) -> Iterator[Batch]:
    """Batches in order of their numbers, drawn `workers` at a time in other processes (0: in this one)."""
    if not workers:
        return map(source.draw, count())
    # A process that is forked shares the material's memory; elsewhere than on Linux it gets a copy.
    forks = "fork" if "fork" in multiprocessing.get_all_start_methods() else None
    pool = ProcessPoolExecutor(workers, multiprocessing.get_context(forks), _begin, (source,))
    return _drawn_ahead(pool, deque(pool.submit(_draw, number) for number in range(AHEAD * workers)))


def _drawn_ahead(pool: ProcessPoolExecutor, drawn: deque) -> Iterator[Batch]:
    try:
        for number in count(len(drawn)):
            batch = drawn.popleft().result()
            drawn.append(pool.submit(_draw, number))
            yield batch
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


_source: Source


def _begin(source: Source) -> None:
    """Prepare a worker: it keeps the source, and ends when the trainer is killed."""
    global _source
    _source = source
    threading.Thread(target=_end_with_the_trainer, daemon=True).start()


def _end_with_the_trainer() -> None:
    multiprocessing.parent_process().join()
    os._exit(0)


def _draw(number: int) -> Batch:
    return _source.draw(number)
