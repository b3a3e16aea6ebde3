"""One call of the model, ours and others': ``python docs/benchmarks forward``."""

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from competitors import COMPETITORS, OURS
from exports import export
from machine import available_memory, machine, versions
from records import print_table, save
from rounds import measure

from numpy_vitmatte import VitMatteConfig, VitMatteForImageMatting

# ViTMatte-S with logits of a few units; the usual fresh weights give alphas of 0.5, which would hide a wrong result.
LIVELY = replace(VitMatteConfig(), initializer_range=0.2)


def run(arguments: argparse.Namespace) -> None:
    """Measure every size with every number of threads; print and save as they come."""
    names = [name for name in COMPETITORS if name == OURS or not arguments.only or name in arguments.only]
    for height, width in arguments.sizes:
        with tempfile.TemporaryDirectory() as folder:
            task = Path(folder)
            VitMatteForImageMatting.from_config(LIVELY, seed=0).save_pretrained(task / "checkpoint")
            pixel_values = np.random.default_rng(0).standard_normal((1, 4, height, width), dtype=np.float32)
            np.save(task / "pixel_values.npy", pixel_values)
            failed = export(task, height, width, names)
            for threads in arguments.threads:
                limit = int(0.95 * available_memory())
                record = {
                    "benchmark": "forward", "height": height, "width": width, "threads": threads,
                    "machine": machine(), "versions": versions(),
                    "results": measure(names, task, threads, arguments.rounds, limit, failed),
                }  # fmt: skip
                print_table(record)
                save(record, arguments.output)
