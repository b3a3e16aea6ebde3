"""How near to the processor's peak each part of the forward pass comes.

The peak is that of the cores used: the micro-kernel of ``numpy_vitmatte/kernels/tile.py`` on data that stays in their
caches, the best of many runs. It is measured before, between and after the passes, as a machine's clock changes.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from materials import put_checkpoint, put_pixel_values
from operations import operations
from records import new_record, save

from numpy_vitmatte import VitMatteForImageMatting, network, set_num_threads
from numpy_vitmatte.kernels.matmul import linear, pack
from numpy_vitmatte.kernels.parallel import for_each_block


def run(arguments: argparse.Namespace) -> bool:
    """Measure every size and number of threads; print a table and leave a record for each."""
    with tempfile.TemporaryDirectory() as folder:
        put_checkpoint(Path(folder), arguments.model)
        model = VitMatteForImageMatting.from_pretrained(Path(folder) / "checkpoint")
        for height, width in arguments.sizes:
            put_pixel_values(Path(folder), height, width)
            pixels = np.load(Path(folder) / "pixel_values.npy")
            for threads in arguments.threads:
                record = _measure(model, pixels, threads, arguments.rounds)
                _print(record)
                save(record, arguments.output)
    return True


def peak(threads: int) -> float:
    """Operations per second of so many threads at once, on data in their caches."""
    generator = np.random.default_rng(0)
    matrix = pack(generator.standard_normal((384, 384), dtype=np.float32))
    x = generator.standard_normal((96, 384), dtype=np.float32)
    best = [float("inf")] * threads
    outs = [np.empty((96, 384), np.float32) for _ in range(threads)]

    def products(index: int, _: int) -> None:
        for _ in range(200):
            started = time.perf_counter()
            linear(x, matrix, outs[index])
            best[index] = min(best[index], time.perf_counter() - started)

    for_each_block(products, threads)
    return sum(2 * x.size * matrix.columns / seconds for seconds in best)


def _measure(model: VitMatteForImageMatting, pixels: np.ndarray, threads: int, rounds: int) -> dict:
    set_num_threads(threads)
    height, width = pixels.shape[2:]
    model(pixels)
    peaks, passes = [peak(threads)], []
    for _ in range(rounds):
        passes.append(_timed_pass(model, pixels))
        peaks.append(peak(threads))
    counted = operations(height, width, model.config)
    seconds = {part: statistics.median(one[part] for one in passes) for part in [*counted, "whole"]}
    counted["whole"] = sum(counted.values())
    parts = {
        part: {"operations": count, "seconds": seconds[part], "share_of_peak": count / seconds[part] / max(peaks)}
        for part, count in counted.items()
    }
    return new_record("roofline", height, width, threads, peak=max(peaks), parts=parts)


def _timed_pass(model: VitMatteForImageMatting, pixels: np.ndarray) -> dict[str, float]:
    """Seconds by part of one forward pass. What the transformer does besides the named layers is MLP and norms."""
    names = {
        "patch_embed": "patch embedding",
        "window_attention": "window attention",
        "global_attention": "global attention",
        "residual_neck": "residual necks",
        "decoder": "decoder",
        "backbone": "backbone",
    }
    seconds = dict.fromkeys(names.values(), 0.0)
    originals = {name: getattr(network, name) for name in names}

    def timed(function: Callable, part: str) -> Callable:
        def call(*arguments, **keywords):
            started = time.perf_counter()
            result = function(*arguments, **keywords)
            seconds[part] += time.perf_counter() - started
            return result

        return call

    try:
        for name, part in names.items():
            setattr(network, name, timed(originals[name], part))
        started = time.perf_counter()
        model(pixels)
        seconds["whole"] = time.perf_counter() - started
    finally:
        for name, function in originals.items():
            setattr(network, name, function)
    inside = ("patch embedding", "window attention", "global attention", "residual necks")
    return seconds | {"MLP and norms": seconds.pop("backbone") - sum(seconds[part] for part in inside)}


def _print(record: dict) -> None:
    title = f"roofline, {record['height']}x{record['width']}, threads {record['threads']}"
    print(f"{title}, peak {record['peak'] / 1e9:.0f} GFLOP/s")
    print(f"{'':<18}{'GFLOP':>8}{'seconds':>10}{'GFLOP/s':>10}{'of the peak':>13}")
    for part, one in record["parts"].items():
        rate = one["operations"] / one["seconds"] / 1e9
        print(f"{part:<18}{one['operations'] / 1e9:>8.1f}{one['seconds']:>10.4f}{rate:>10.0f}", end="")
        print(f"{one['share_of_peak']:>13.0%}")
    print(flush=True)
