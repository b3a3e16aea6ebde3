"""How near to the processor's peak each part of the forward pass comes.

The peak is that of the cores used: the micro-kernel (``numpy_vitmatte/kernels/microkernel.py``) on data that stays in
their caches, 200 products one after the other. It is told twice: of the fastest product, a tenth of a millisecond, and
of all of them. On a shared machine the second is less, as others take their turns; a pass of a second has to bear that
too.
As a machine's clock changes, both are measured before, between and after the passes, and a pass is compared with the
larger of its two neighbors. A third share compares a pass that nobody disturbs (``undisturbed.py``) with the fastest
product of all.
"""

import argparse
import itertools
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from materials import put_checkpoint, put_pixel_values
from operations import operations
from records import new_record, save
from undisturbed import Blocks, at_best, timed_blocks

from numpy_vitmatte import VitMatteForImageMatting, set_num_threads
from numpy_vitmatte.kernels.matmul import linear, pack
from numpy_vitmatte.network import blocks, forward_pass
from numpy_vitmatte.runtime.threads import for_each_block


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


class Pass(NamedTuple):
    """Seconds of each part of a pass, and its blocks of work."""

    parts: dict[str, float]
    blocks: dict[str, Blocks]


class Peak(NamedTuple):
    """Operations per second of some threads at once, on data in their caches; or what shares of them are reached."""

    fastest: float
    sustained: float


def peak(threads: int) -> Peak:
    """Of 200 products one after the other: of the fastest, and of all together."""
    generator = np.random.default_rng(0)
    matrix = pack(generator.standard_normal((384, 384), dtype=np.float32))
    x = generator.standard_normal((96, 384), dtype=np.float32)
    seconds = np.empty((threads, 200))
    outs = [np.empty((96, 384), np.float32) for _ in range(threads)]

    def products(index: int, _: int) -> None:
        for n in range(seconds.shape[1]):
            started = time.perf_counter()
            linear(x, matrix, outs[index])
            seconds[index, n] = time.perf_counter() - started

    for_each_block(products, threads)
    count = 2 * x.size * matrix.columns
    return Peak(float((count / seconds.min(axis=1)).sum()), float((count / seconds.mean(axis=1)).sum()))


def _measure(model: VitMatteForImageMatting, pixels: np.ndarray, threads: int, rounds: int) -> dict:
    set_num_threads(threads)
    height, width = pixels.shape[2:]
    model(pixels)
    peaks, passes = [peak(threads)], []
    for _ in range(rounds):
        passes.append(_timed_pass(model, pixels))
        peaks.append(peak(threads))
    counted = operations(height, width, model.config)
    counted["whole"] = sum(counted.values())
    best = _undisturbed(passes, threads)
    parts = {
        part: _part(count, [one.parts[part] for one in passes], peaks, best[part]) for part, count in counted.items()
    }
    middle = _medians(peaks)
    return new_record("roofline", height, width, threads, peak=middle.fastest, sustained=middle.sustained, parts=parts)


def _medians(peaks: list[Peak]) -> Peak:
    return Peak(*(statistics.median(values) for values in zip(*peaks, strict=True)))


def _undisturbed(passes: list[Pass], threads: int) -> dict[str, float]:
    """Seconds of each part, and of the whole, had nobody disturbed them."""
    best = {
        part: at_best([one.parts[part] for one in passes], [one.blocks[part] for one in passes], threads)
        for part in passes[0].blocks
    }
    between = [one.parts["whole"] - sum(one.parts[part] for part in best) for one in passes]
    return {**best, "whole": sum(best.values()) + min(between)}


def _part(count: float, seconds: list[float], peaks: list[Peak], best: float) -> dict[str, float]:
    """One part's line of the table."""
    rounds = zip(seconds, itertools.pairwise(peaks), strict=True)
    shares = [Peak(*(count / s / max(pair) for pair in zip(*around, strict=True))) for s, around in rounds]
    share = _medians(shares)
    return {
        "operations": count,
        "seconds": statistics.median(seconds),
        "share_of_peak": share.fastest,
        "share_of_sustained": share.sustained,
        "share_at_best": count / best / max(one.fastest for one in peaks),
    }


def _timed_pass(model: VitMatteForImageMatting, pixels: np.ndarray) -> Pass:
    """Time one forward pass. A block is its norms, attention and MLP, which threads take in one go."""
    names = {
        (forward_pass, "patch_embed"): "patch embedding",
        (blocks, "window_block"): "window blocks",
        (blocks, "global_block"): "global blocks",
        (blocks, "residual_neck"): "residual necks",
        (forward_pass, "decoder"): "decoder",
    }
    seconds = dict.fromkeys(names.values(), 0.0)
    blocks_of: dict[str, Blocks] = {part: [] for part in seconds}
    originals = {place: getattr(*place) for place in names}

    def timed(function: Callable, part: str, found: Blocks) -> Callable:
        def call(*arguments, **keywords):
            before, started = len(found), time.perf_counter()
            result = function(*arguments, **keywords)
            seconds[part] += time.perf_counter() - started
            blocks_of[part] += found[before:]
            return result

        return call

    try:
        with timed_blocks() as found:
            for place, part in names.items():
                setattr(*place, timed(originals[place], part, found))
            started = time.perf_counter()
            model(pixels)
            seconds["whole"] = time.perf_counter() - started
    finally:
        for place, function in originals.items():
            setattr(*place, function)
    return Pass(seconds, blocks_of)


def _print(record: dict) -> None:
    title = f"roofline, {record['height']}x{record['width']}, threads {record['threads']}"
    print(f"{title}, peak {record['peak'] / 1e9:.0f} GFLOP/s, sustained {record['sustained'] / 1e9:.0f}")
    print(
        f"{'':<18}{'GFLOP':>8}{'seconds':>10}{'GFLOP/s':>10}{'of the peak':>13}{'of the sustained':>18}{'at best':>9}"
    )
    for part, one in record["parts"].items():
        rate = one["operations"] / one["seconds"] / 1e9
        print(f"{part:<18}{one['operations'] / 1e9:>8.1f}{one['seconds']:>10.4f}{rate:>10.0f}", end="")
        print(f"{one['share_of_peak']:>13.0%}{one['share_of_sustained']:>18.0%}{one['share_at_best']:>9.0%}")
    print(flush=True)
