"""Time one forward pass of ViTMatte-S beside PyTorch: ``python docs/benchmarks --size 640x960 --threads 2``.

Same random checkpoint, same input, same number of threads; each competitor in a process of its own; rounds interleaved,
because a machine's speed drifts; the median of the rounds' ratios. Needs the ``[bench]`` extra.
"""

import argparse
import statistics
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from competitors import COMPETITORS
from worker import start

from numpy_vitmatte import VitMatteConfig, VitMatteForImageMatting

OURS = "numpy-vitmatte"

# ViTMatte-S with logits of a few units; the usual fresh weights give alphas of 0.5, which would hide a wrong result.
LIVELY = replace(VitMatteConfig(), initializer_range=0.2)


def main() -> None:
    """Run the rounds and print a table."""
    parser = argparse.ArgumentParser(prog="python docs/benchmarks", description=__doc__.splitlines()[0])
    parser.add_argument("--size", default="640x960", help="height x width, multiples of 16 (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=2, help="(default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=7, help="(default: %(default)s)")
    arguments = parser.parse_args()
    height, width = (int(side) for side in arguments.size.split("x"))
    pixel_values = np.random.default_rng(0).standard_normal((1, 4, height, width), dtype=np.float32)
    with tempfile.TemporaryDirectory() as folder:
        VitMatteForImageMatting.from_config(LIVELY, seed=0).save_pretrained(folder)
        workers = {name: start(name, Path(folder), pixel_values, arguments.threads) for name in COMPETITORS}
        rounds = [{name: worker.run() for name, worker in workers.items()} for _ in range(arguments.rounds)]
        results = {name: worker.finish() for name, worker in workers.items()}
    print(f"ViTMatte-S, {height}x{width}, {arguments.threads} threads, {arguments.rounds} interleaved rounds")
    print(f"{'':<16}{'median s':>10}{'ours / it':>11}{'peak MB':>9}{'largest difference of alpha':>29}")
    for name in COMPETITORS:
        seconds = statistics.median(one[name] for one in rounds)
        ratio = statistics.median(one[OURS] / one[name] for one in rounds)
        alphas, memory = results[name]
        difference = np.abs(alphas - results[OURS][0]).max()
        print(f"{name:<16}{seconds:>10.3f}{ratio:>11.2f}{memory:>9.0f}{difference:>29.1e}")


if __name__ == "__main__":
    main()
