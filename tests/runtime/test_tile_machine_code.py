"""The machine code for AMX tiles at work: on the processor's own, or on those of ``support.tile_processor``.

A process of its own compiles for this processor with tiles, whether it has them or not, and believes that Linux grants
them. What it computes is compared with ``SoftwareTiles`` here, bit by bit.
"""

import json
import os
import platform
import signal
import subprocess
import sys
from pathlib import Path

import llvmlite.binding as llvm
import numpy as np
import pytest
from support.processes import child_environment, run_python

from numpy_vitmatte.network import forward, pack_network
from numpy_vitmatte.network.precision import with_weights
from numpy_vitmatte.runtime.tile_permission import ask_for_tiles
from numpy_vitmatte.testing import random_checkpoint, random_pixels, tiny_config

pytestmark = [
    pytest.mark.compiled,
    pytest.mark.skipif(
        sys.platform != "linux" or platform.machine() != "x86_64",
        reason="the signal's registers are those of Linux on x86-64",
    ),
]
TESTS = Path(__file__).parents[1]
HAS_TILES = ask_for_tiles()
TYPES = {"high": np.int32, "medium": np.int16}

BEGIN = f"""
import sys
sys.path.insert(0, {str(TESTS)!r})
from support import tile_processor
if not {HAS_TILES}:
    tile_processor.install()
    from numpy_vitmatte.runtime import tile_permission
    tile_permission.ask_for_tiles = lambda: True
import numpy as np
"""


def on_tiles():
    """Environment variables with which Numba compiles for this processor and tiles."""
    own = [feature for feature in llvm.get_host_cpu_features().flatten().split(",") if "amx" not in feature]
    return {"NUMBA_CPU_FEATURES": ",".join([*own, "+amx-tile", "+amx-bf16"])}


PRODUCTS = """
from support.tile_pseudocode import linear_on_tiles
from numpy_vitmatte.kernels.matmul import linear, pack
from numpy_vitmatte.kernels.tile_packing import PARTS, pack_tiles
rng, wrong = np.random.default_rng(0), 0
for rows, depth, columns in ((1, 5, 3), (37, 75, 40), (16, 32, 16), (70, 64, 90)):
    x, w, bias = (rng.standard_normal(shape).astype(np.float32) for shape in ((rows, depth), (depth, columns), columns))
    for dtype, parts in PARTS.items():
        matrix = pack(w, bias)
        matrix = matrix._replace(panels=pack_tiles(matrix.panels, depth, 1, dtype))
        wrong += np.count_nonzero(linear(x, matrix) != linear_on_tiles(x, w, bias, parts))
print(wrong)
"""


def test_products():
    """Bit by bit those of the manual's pseudocode, in every shape of the register tile."""
    assert run_python("-c", BEGIN + PRODUCTS, **on_tiles()).strip() == "0"


NETWORK = """
import json
from numpy_vitmatte import VitMatteForImageMatting, set_num_threads
from numpy_vitmatte.pipeline import matte_with_report
from numpy_vitmatte.testing import random_checkpoint, random_pixels, tiny_config
model = VitMatteForImageMatting(tiny_config(), random_checkpoint(tiny_config(), seed=5))
pixels, photo = random_pixels(1, 4, 96, 112, seed=1), np.full((40, 40, 3), 99, np.uint8)
alphas, used = {}, []
for precision in ("high", "medium"):
    for threads in (1, 3):
        set_num_threads(threads)
        alphas[precision + str(threads)] = model(pixels, precision=precision).alphas[0, 0]
    used.append(matte_with_report(photo, np.full((40, 40), 128, np.uint8), model, precision=precision).precision)
np.savez(sys.argv[1], **alphas)
print(json.dumps([used, *tile_processor.counts()]))
"""


def test_a_network(tmp_path):
    """Both precisions are used, with one thread and with three, each of which has tiles of its own."""
    file = tmp_path / "alphas.npz"
    used, counts, threads = json.loads(run_python("-c", BEGIN + NETWORK, file, **on_tiles()))
    assert used == list(TYPES)
    assert HAS_TILES or (min(counts.values()) > 0 and threads > 1)
    assert counts["ldtilecfg"] == counts["tilerelease"]
    network = pack_network(random_checkpoint(tiny_config(), seed=5), tiny_config())
    image = np.ascontiguousarray(random_pixels(1, 4, 96, 112, seed=1)[0].transpose(1, 2, 0))
    with np.load(file) as alphas:
        for precision, dtype in TYPES.items():
            expected = forward(image, with_weights(network, dtype))
            for number in (1, 3):
                np.testing.assert_array_equal(alphas[f"{precision}{number}"], expected)


UNCONFIGURED = """
import numba
from numba import types
from numba.extending import intrinsic
from numpy_vitmatte.kernels.tiles import HardwareTiles

@intrinsic
def multiply(context):
    def generate(context, builder, signature, values):
        HardwareTiles().multiply_add(builder, 0, 4, 6)
        return context.get_dummy_value()
    return types.void(), generate

numba.njit(lambda: multiply())()
"""


def test_a_tile_that_is_not_configured():
    """The processor refuses it, and so does the one in software."""
    run = subprocess.run(
        [sys.executable, "-c", BEGIN + UNCONFIGURED],
        env=child_environment(**on_tiles()),
        capture_output=True,
        timeout=300,
    )
    assert run.returncode == -signal.SIGILL, os.fsdecode(run.stderr)
