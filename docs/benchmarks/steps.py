"""What each idea of ``docs/performance.md`` brings: the plain way beside ours, interleaved, on one thread."""

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import numba
import numpy as np
from materials import LIVELY
from records import new_record, save

from numpy_vitmatte import VitMatteForImageMatting, set_num_threads
from numpy_vitmatte.kernels.conv import conv_rows, pack_conv
from numpy_vitmatte.kernels.conv3x3 import convolve_rows
from numpy_vitmatte.kernels.matmul import linear, pack
from numpy_vitmatte.kernels.winograd import pack_conv3x3
from numpy_vitmatte.layers.attention import AttentionParameters, global_attention
from numpy_vitmatte.layers.fusion import FusionParameters, fusion_block
from numpy_vitmatte.network import by_layers
from numpy_vitmatte.network.decoder import decoder
from numpy_vitmatte.network.decoder_plan import Pyramid, plan_decoder
from numpy_vitmatte.network.parameters import pack_network
from numpy_vitmatte.processing.pixel_values import network_image
from numpy_vitmatte.runtime.workspace import aligned_empty

Pair = tuple[Callable[[], object], Callable[[], object]]

BLAS_THREADS = "OPENBLAS_NUM_THREADS"
"""NumPy's BLAS takes all processors unless this variable says otherwise."""


@numba.njit(fastmath={"contract", "reassoc", "nsz"})
def product_by_loops(x, weight, out):
    """A matrix product as a textbook writes it."""
    for m in range(x.shape[0]):
        for n in range(weight.shape[1]):
            total = np.float32(0)
            for k in range(x.shape[1]):
                total += x[m, k] * weight[k, n]
            out[m, n] = total


def draw(*shape: int) -> np.ndarray:
    """Normal numbers."""
    return np.random.default_rng(0).standard_normal(shape, dtype=np.float32)


def products() -> dict[str, Pair]:
    """The MLP's first product of 96 tokens: three loops, NumPy's BLAS, and the tile."""
    x, weight, out = draw(96, 384), draw(384, 1536), np.empty((96, 1536), np.float32)
    packed = pack(weight)
    moved = aligned_empty(packed.panels.size + 4)[4:]  # four floats further: NumPy's memory begins with 16 bytes
    moved[:] = packed.panels
    astride = packed._replace(panels=moved)

    def tile() -> object:
        return linear(x, packed, out)

    return {
        "product: three loops": (lambda: product_by_loops(x, weight, out), tile),
        "product: NumPy": (lambda: np.matmul(x, weight, out=out), tile),
        "product: weights astride cache lines": (lambda: linear(x, astride, out), tile),
    }


def windows() -> dict[str, Pair]:
    """The detail half of fusion block 1 at 640x960: nine products for each output, and sixteen for four."""
    framed, weight = np.pad(draw(160, 240, 96), ((1, 1), (1, 1), (0, 0))), draw(128, 96, 3, 3)
    direct, tiled = pack_conv(weight), pack_conv3x3(weight)
    return {
        "3x3 convolution: nine products for each output": (
            lambda: conv_rows(framed, direct, 0, 160),
            lambda: convolve_rows(framed, tiled, 0, 160),
        )
    }


def upsampling() -> dict[str, Pair]:
    """Fusion block 2 at a quarter of 640x960: the convolution after the doubling, and before it."""
    features, detail = draw(80, 120, 128), np.pad(draw(160, 240, 48), ((1, 1), (1, 1), (0, 0)))
    weight = draw(64, 176, 3, 3)
    parameters = FusionParameters.from_tensors({"conv.conv.weight": weight, "conv.conv.bias": draw(64)}, 128)
    packed = pack_conv(weight, draw(64))

    def after() -> object:
        doubled = np.empty((160, 240, 128), np.float32)  # the values do not matter, only that they are written
        for y in range(2):
            for x in range(2):
                doubled[y::2, x::2] = features
        joined = np.concatenate([detail, np.pad(doubled, ((1, 1), (1, 1), (0, 0)))], axis=2)
        return np.maximum(conv_rows(joined, packed, 0, 160), 0)

    return {"fusion block: convolve after doubling": (after, lambda: fusion_block(features, detail, parameters))}


def attention() -> dict[str, Pair]:
    """Global attention over 40x60 tokens: all scores at once through NumPy, and in blocks."""
    tokens, heads, channels = draw(40, 60, 384), 6, 384
    tensors = {"qkv.weight": 0.05 * draw(3 * channels, channels), "proj.weight": draw(channels, channels)}
    tensors |= {"proj.bias": draw(channels), "rel_pos_h": draw(63, 64), "rel_pos_w": draw(63, 64)}
    parameters = AttentionParameters.from_tensors(tensors, heads)

    def at_once() -> object:  # without the relative positions: less than it would have to do
        qkv = (
            (tokens.reshape(2400, channels) @ tensors["qkv.weight"].T).reshape(2400, 3, heads, 64).transpose(1, 2, 0, 3)
        )
        scores = qkv[0] @ qkv[1].transpose(0, 2, 1) / 8
        scores = np.exp(scores - scores.max(axis=2, keepdims=True))
        attended = (scores / scores.sum(axis=2, keepdims=True)) @ qkv[2]
        return attended.transpose(1, 0, 2).reshape(2400, channels) @ tensors["proj.weight"].T

    return {"global attention: all scores at once": (at_once, lambda: global_attention(tokens, parameters))}


def decoders() -> dict[str, Pair]:
    """The decoder at 640x960: whole maps, tiles, and tiles with an unknown pixel among 17 %."""
    model = VitMatteForImageMatting.from_config(LIVELY)
    parameters, features, image = (
        pack_network(model.tensors, model.config).decoder,
        draw(40, 60, 384),
        draw(640, 960, 4),
    )
    y, x = np.mgrid[:640, :960]
    angle, radius = np.arctan2(y - 340, x - 480), np.hypot(y - 340, x - 480)
    ring = np.abs(radius - 210 - 30 * np.sin(5 * angle) - 20 * np.sin(11 * angle)) < 40  # a wavy outline's band
    everything, some = plan_decoder(Pyramid(640, 960, 4)), plan_decoder(Pyramid(640, 960, 4), ring)

    def by_whole_maps() -> object:
        return by_layers.decoder(features, image, parameters)

    def by_tiles() -> object:
        return decoder(features, image, parameters, everything)

    return {
        "decoder: whole maps": (by_whole_maps, by_tiles),
        "decoder: every tile": (by_tiles, lambda: decoder(features, image, parameters, some)),
    }


def levels() -> dict[str, Pair]:
    """A photo of 640x960 to the network's input: by arithmetic, as for 16 bits, and by table."""
    settings = {"do_rescale": True, "rescale_factor": 1 / 255, "do_normalize": True, "do_pad": True}
    settings |= {"image_mean": 0.5, "image_std": 0.5, "size_divisor": 32}
    generator = np.random.default_rng(0)
    photo, trimap = (generator.integers(0, 256, (640, 960, *rest), dtype=np.uint8) for rest in ((3,), ()))
    wide = photo.astype(np.uint16), trimap.astype(np.uint16)

    def prepare(photo: np.ndarray, trimap: np.ndarray) -> object:
        return network_image(photo, trimap, settings)

    return {"input: every pixel normalized": (lambda: prepare(*wide), lambda: prepare(photo, trimap))}


def run(arguments: argparse.Namespace) -> bool:
    """Time every pair in turn; print and keep the medians and the median of the ratios."""
    if os.environ.get(BLAS_THREADS) != "1":  # NumPy has read it by now: once more, in a process that begins with it
        return subprocess.run([sys.executable, *sys.argv], env=os.environ | {BLAS_THREADS: "1"}).returncode == 0
    set_num_threads(1)
    steps = {}
    for name, pair in (products() | windows() | upsampling() | attention() | decoders() | levels()).items():
        for function in pair:
            function()
        rounds = [[_seconds(function) for function in pair] for _ in range(arguments.rounds)]
        plain, ours = (statistics.median(one) for one in zip(*rounds, strict=True))
        ratio = statistics.median(one[1] / one[0] for one in rounds)
        steps[name] = {"plain_seconds": plain, "our_seconds": ours, "ratio": ratio}
        print(f"{name:<42}{plain:>10.4f} s{ours:>10.4f} s{ratio:>8.2f}", flush=True)
    save(new_record("steps", 640, 960, 1, steps=steps), arguments.output)
    return True


def _seconds(function: Callable[[], object]) -> float:
    started = time.perf_counter()
    function()
    return time.perf_counter() - started
