"""Which precisions there are, and which is used on which processor."""

import os
import subprocess
import sys

import pytest

from numpy_vitmatte.errors import VitMatteError
from numpy_vitmatte.runtime import precision
from numpy_vitmatte.runtime.precision import checked_precision, used_precision

ZEN_4 = "x86_64-unknown-linux-gnu", "znver4", "+avx2,+avx512f,+avx512bf16"
SAPPHIRE_RAPIDS = "x86_64-unknown-linux-gnu", "sapphirerapids", "+amx-tile,+amx-bf16,+avx512f,+avx512bf16"
COOPER_LAKE = "x86_64-unknown-linux-gnu", "cooperlake", "+avx512f,+avx512bf16"
ZEN_3 = "x86_64-unknown-linux-gnu", "znver3", "+avx2,+fma"
ARM = "aarch64-unknown-linux-gnu", "neoverse-v1", "+bf16,+sve"


@pytest.fixture
def compiled_for(monkeypatch):
    """Let kernels be compiled for another processor, as far as the choice of a precision can see."""

    def set_target(target, llvm=22, tiles=False):
        monkeypatch.setattr(precision, "_target", lambda: target)
        monkeypatch.setattr(precision.llvmlite.binding, "llvm_version_info", (llvm, 0, 0))
        monkeypatch.setattr(precision, "tiles_granted", lambda: tiles)

    return set_target


@pytest.mark.compiled
@pytest.mark.parametrize(
    ("target", "tiles", "high", "medium"),
    [
        (ZEN_4, False, "highest", "medium"),
        (COOPER_LAKE, False, "highest", "highest"),
        (SAPPHIRE_RAPIDS, True, "high", "medium"),
        (SAPPHIRE_RAPIDS, False, "highest", "highest"),
        (ZEN_3, True, "highest", "highest"),
        (ARM, False, "highest", "highest"),
    ],
)
def test_a_processor_that_gains_nothing_computes_in_the_next_better_precision(
    compiled_for, target, tiles, high, medium
):
    """Intel's processors have AMD's instruction, but float32 is faster there. Tiles need Numba's target and Linux."""
    compiled_for(target, tiles=tiles)
    assert [used_precision(name) for name in ("highest", "high", "medium")] == ["highest", high, medium]


def test_an_old_llvm_is_not_asked_for_the_instruction(compiled_for):
    """Version 15 takes its numbers in another type."""
    compiled_for(ZEN_4, llvm=15)
    assert used_precision("medium") == "highest"


def test_llvm_is_asked_for_the_processor_once(monkeypatch):
    """Every photo asks which precision is used, and LLVM takes a millisecond to answer."""
    before = used_precision("medium")
    monkeypatch.setattr(precision, "cpu_target", None)
    assert used_precision("medium") == before


def test_the_environment_decides_where_nothing_was_asked_for(monkeypatch):
    """An empty variable is none."""
    for value, expected in (("medium", "medium"), ("", "highest")):
        monkeypatch.setenv("NUMPY_VITMATTE_PRECISION", value)
        assert checked_precision(None) == expected
        assert checked_precision("high") == "high"


def test_unknown_precisions_are_refused(monkeypatch):
    """The message says which there are, and which variable was wrong."""
    for bad in ("low", "", 16, "Highest"):
        with pytest.raises(VitMatteError, match=r"^precision is .*expected highest, high or medium$"):
            checked_precision(bad)
    monkeypatch.setenv("NUMPY_VITMATTE_PRECISION", "bf16")
    with pytest.raises(VitMatteError, match=r"^NUMPY_VITMATTE_PRECISION is 'bf16'; expected highest, high or medium$"):
        checked_precision(None)


@pytest.mark.compiled
def test_a_process_that_compiles_for_another_processor(tmp_path):
    """``generic`` lacks every vector instruction of bfloat16: LLVM would end the process if it were asked for one."""
    environment = {
        **os.environ,
        "NUMPY_VITMATTE_PRECISION": "medium",
        "NUMBA_CPU_NAME": "generic",
        "NUMBA_CPU_FEATURES": "",
        "NUMBA_CACHE_DIR": str(tmp_path),
    }
    code = "from numpy_vitmatte.runtime import tile_permission\ntile_permission.ask_for_tiles = lambda: True\n"
    code += "from numpy_vitmatte.kernels.matmul import *\nimport numpy as np\n"
    code += "from numpy_vitmatte.kernels.tile_packing import pack_tiles\n"
    code += "from numpy_vitmatte.runtime.precision import used_precision\n"
    code += "x = np.ones((3, 4), np.float32)\nmatrix = pack(x.T)\n"
    code += "tiles = matrix._replace(panels=pack_tiles(matrix.panels, 4, 1, np.int16))\n"
    code += "print(used_precision('medium'), used_precision('high'))\n"
    code += "print(linear(x, round_packed(matrix)).sum(), linear(x, tiles).sum())"
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "highest highest\n36.0 36.0\n"), done.stderr
