"""How long a pass would take on AMX tiles, where a processor lacks them: ``python docs/benchmarks/tile_times.py``.

In the place of each tile instruction stands what takes its time on Intel's cores: for a load 16 loads of a cache line,
for a store as many stores, for a product a chain of four multiplications, which waits for the product before it and so
takes 16 cycles. The numbers are lost, so that alphas mean nothing. All else is real: rounding and packing, softmax,
norms, GELU and blending, and the way of all numbers through the caches.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import llvmlite.binding as llvm
import numpy as np
from llvmlite import ir
from numba import types
from undisturbed import Blocks, at_best, timed_blocks

from numpy_vitmatte import VitMatteConfig, set_num_threads
from numpy_vitmatte.kernels.products import PRODUCTS
from numpy_vitmatte.kernels.square_tile import SquareTile
from numpy_vitmatte.network import forward, pack_network
from numpy_vitmatte.network.forward_pass import workspace_size
from numpy_vitmatte.network.memory import plan_network_memory
from numpy_vitmatte.network.precision import with_weights
from numpy_vitmatte.runtime.workspace import kept_workspace
from numpy_vitmatte.testing import random_checkpoint, random_pixels

INSIDE = "NUMPY_VITMATTE_TILE_TIMES"
PRECISIONS = {"highest": np.float32, "high": np.int32, "medium": np.int16}
_BYTES = ir.IntType(8).as_pointer()


class StandIns:
    """What takes the time of the instructions of ``tiles.HardwareTiles``, and computes nothing."""

    def configure(self, builder: ir.IRBuilder) -> None:
        """Emit nothing."""

    def release(self, builder: ir.IRBuilder) -> None:
        """Emit nothing."""

    def load(self, builder: ir.IRBuilder, tile: int, address: ir.Value, step: ir.Value) -> None:
        """Emit 16 loads."""
        two = "vmovups (%rax), %zmm30; vmovups (%rax,$1), %zmm30; leaq (%rax,$1,2), %rax;"
        _assembly(builder, "movq $0, %rax;" + two * 8, builder.bitcast(address, _BYTES), step)

    def store(self, builder: ir.IRBuilder, tile: int, address: ir.Value, step: ir.Value) -> None:
        """Emit 16 stores of zeros."""
        two = "vmovups %zmm30, (%rax); vmovups %zmm30, (%rax,$1); leaq (%rax,$1,2), %rax;"
        start = "vpxord %zmm30, %zmm30, %zmm30; movq $0, %rax;"
        _assembly(builder, start + two * 8, builder.bitcast(address, _BYTES), step)

    def multiply_add(self, builder: ir.IRBuilder, sums: int, x: int, w: int) -> None:
        """Emit four multiplications of four cycles, one after the other."""
        _assembly(builder, "vmulps %zmm31, %zmm31, %zmm31;" * 4)


def _assembly(builder: ir.IRBuilder, code: str, *values: ir.Value) -> None:
    kind = ir.FunctionType(ir.VoidType(), [value.type for value in values])
    places = ",".join(["r"] * len(values) + ["~{zmm30}", "~{zmm31}", "~{rax}", "~{memory}"])
    builder.call(ir.InlineAsm(kind, code, places, side_effect=True), values)


def main() -> None:
    """Measure in a process of its own, whose kernels nobody else finds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="640x960", help="height x width")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=15)
    arguments = parser.parse_args()
    if not llvm.get_host_cpu_features().get("avx512f"):
        sys.exit("these instructions need a processor with AVX-512")
    if INSIDE not in os.environ:
        with tempfile.TemporaryDirectory() as folder:
            environment = {**os.environ, "NUMBA_CACHE_DIR": folder, INSIDE: "1"}
            sys.exit(subprocess.run([sys.executable, str(Path(__file__)), *sys.argv[1:]], env=environment).returncode)
    llvm.initialize_native_asmparser()
    for kind, parts in ((types.int16, 1), (types.int32, 2)):
        PRODUCTS[kind] = SquareTile(StandIns(), parts)
    height, width = map(int, arguments.size.split("x"))
    measure(height, width, arguments.threads, arguments.rounds)


def measure(height: int, width: int, threads: int, rounds: int) -> None:
    """Print the medians of interleaved passes of ViTMatte-S, and of their ratios; the same of undisturbed passes."""
    set_num_threads(threads)
    config = VitMatteConfig()
    network = pack_network(random_checkpoint(config, seed=6), config)
    networks = {
        name: network if kind == np.float32 else with_weights(network, kind) for name, kind in PRECISIONS.items()
    }
    image = np.ascontiguousarray(random_pixels(1, 4, height, width, seed=1)[0].transpose(1, 2, 0))
    # Bands and memory are those of a model's call: without them large maps would be cleared anew in every pass.
    bands = plan_network_memory(height, width, config, weight_bytes=0).band_rows
    size = workspace_size(height, width, network, bands)
    seconds: dict[str, list[float]] = {name: [] for name in networks}
    blocks: dict[str, list[Blocks]] = {name: [] for name in networks}
    for number in range(rounds + 1):
        for name, one in networks.items():
            with kept_workspace(size) as memory, timed_blocks() as found:
                started = time.perf_counter()
                forward(image, one, band_rows=bands, memory=memory)
                own = time.perf_counter() - started
            if number:  # the first round compiles
                seconds[name].append(own)
                blocks[name].append(found)
    best = {name: at_best(seconds[name], blocks[name], threads) for name in networks}
    print(f"{height}x{width}, {threads} threads, {rounds} rounds\n")
    print("| precision | seconds | / *highest* | at best | / *highest* |\n|---|---|---|---|---|")
    for name, times in seconds.items():
        ratio = np.median(np.divide(times, seconds["highest"]))
        print(f"| *{name}* | {np.median(times):.2f} | {ratio:.2f} |", end="")
        print(f" {best[name]:.2f} | {best[name] / best['highest']:.2f} |", flush=True)


if __name__ == "__main__":
    main()
