"""``training``: one step of training, ours and PyTorch's: forward, the authors' loss, backward, AdamW.

The bundled checkpoint with a batch of 4 pictures of 320 x 320 pixels, and ViTMatte-S with one of 512 x 512. Batch norms
are frozen. The learning rate is so small that both compute the same alphas in every round.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import materials
import numpy as np
from competitors import OURS
from machine import available_memory
from records import new_record, print_table, save
from rounds import measure
from worker import Assignment, Worker

from numpy_vitmatte import VitMatteForImageMatting, set_num_threads
from numpy_vitmatte.gradients.network import Weights, network_gradients
from numpy_vitmatte.hub.resolve import checkpoint_directory
from numpy_vitmatte.network import pack_network
from numpy_vitmatte.pipeline.photo_to_alpha import DEFAULT_MODEL
from numpy_vitmatte.runtime.recycling import recycling
from numpy_vitmatte.training.losses import Loss


class Case(NamedTuple):
    """A network and what it is trained with: so many square pictures at a time."""

    model: str
    batch: int
    side: int


CASES = [Case(DEFAULT_MODEL, 4, 320), Case("ViTMatte-S, random", 1, 512)]
WARM_UP = Case(DEFAULT_MODEL, 1, 64)


def run(arguments: argparse.Namespace) -> bool:
    """Measure every case with every number of threads; print and save; whether nobody failed."""
    succeeded = True
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        warm = _put(folder / "warm-up", WARM_UP)
        Worker(OURS, Assignment("training", warm, 1, available_memory())).finish()  # compiles
        for case in (case for case in CASES if arguments.batch in (None, case.batch)):
            task = _put(folder / f"{case.side}", case)
            for threads in arguments.threads:
                assignment = Assignment("training", task, threads, available_memory())
                results = measure([OURS, "torch"], assignment, arguments.rounds, True, {})
                more = {"batch": case.batch, "model": case.model, "results": results}
                more["backward_to_forward"] = _backward_to_forward(task, threads, arguments.rounds)
                more["memory_ratio"] = _memory_ratio(results)
                record = new_record("training", case.side, case.side, threads, **more)
                succeeded &= print_table(record)
                print(f"backward / forward {more['backward_to_forward']:.2f}, memory ours / torch's ", end="")
                print(f"{more['memory_ratio']}\n", flush=True)
                save(record, arguments.output)
    return succeeded


def _put(task: Path, case: Case) -> Path:
    """Make a task's folder: checkpoint, pixel values and labels."""
    task.mkdir()
    if case.model == DEFAULT_MODEL:
        materials.put_checkpoint(task, checkpoint_directory(DEFAULT_MODEL))
    else:
        materials.put_checkpoint(task, None)
    generator = np.random.default_rng(0)
    shape = case.batch, 4, case.side, case.side
    pixels = generator.standard_normal(shape, dtype=np.float32)
    pixels[:, 3] = generator.choice(np.array([0, 128 / 255, 1], np.float32), pixels[:, 3].shape)
    np.save(task / "pixel_values.npy", pixels)
    np.save(task / "labels.npy", generator.random((case.batch, 1, case.side, case.side), dtype=np.float32))
    return task


def _memory_ratio(results: dict) -> float | None:
    peaks = [results[name].get("peak_megabytes") for name in (OURS, "torch")]
    return None if None in peaks else round(peaks[0] / peaks[1], 3)


def _backward_to_forward(task: Path, threads: int, rounds: int) -> float:
    """Median over rounds of the seconds of the backward pass, divided by those of the forward pass before it."""
    set_num_threads(threads)
    model = VitMatteForImageMatting.from_pretrained(task / "checkpoint")
    weights = Weights(model.tensors, pack_network(model.tensors, model.config), model.config)
    images = np.ascontiguousarray(np.load(task / "pixel_values.npy").transpose(0, 2, 3, 1))
    gradient = np.ones(images.shape[:3], np.float32)
    ratios, turn = [], []

    def loss(alphas: np.ndarray) -> Loss:
        turn.append(time.perf_counter())
        return Loss(0.0, gradient, {})

    with recycling():
        for _ in range(rounds + 1):
            started = time.perf_counter()
            network_gradients(images, weights, loss, list(model.tensors))
            ratios.append((time.perf_counter() - turn[-1]) / (turn[-1] - started))
    return statistics.median(ratios[1:])
