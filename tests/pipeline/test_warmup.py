"""Compiling ahead: a process after it compiles nothing, counted, not timed."""

import json

import pytest
from support.processes import run_python

pytestmark = pytest.mark.compiled

LATER = """
import numpy as np
from numpy_vitmatte import VitMatteConfig, VitMatteForImageMatting, VitDetConfig, matte
from numpy_vitmatte.runtime.jit import kernels_compiled
from numpy_vitmatte.matting.metrics import alpha_errors
photo, trimap = np.zeros((96, 130, 3), np.uint8), np.full((96, 130), 128, np.uint8)
trimap[:9], trimap[-9:] = 0, 255
alpha = matte(photo, trimap)
matte(photo, trimap, raw=True)
alpha_errors(alpha, alpha, trimap)
model = VitMatteForImageMatting.from_config(VitMatteConfig())
model(np.zeros((1, 4, 96, 128), np.float32), output_attentions=True)
print(kernels_compiled())
"""


def test_nothing_is_left_to_compile(tmp_path):
    """In the folder that NUMBA_CACHE_DIR names, for every kernel of matte(), the model and the metrics."""
    first = run_python("-m", "numpy_vitmatte", "warmup", NUMBA_CACHE_DIR=str(tmp_path))
    count, words = first.split(" ", 1)
    assert int(count) > 10
    assert words.startswith(f"kernels compiled, kept in {tmp_path}")
    assert run_python("-m", "numpy_vitmatte", "warmup", NUMBA_CACHE_DIR=str(tmp_path)).startswith("0 kernels compiled")
    assert run_python("-c", LATER, NUMBA_CACHE_DIR=str(tmp_path)) == "0\n"


# Pairs are emulated where the processor lacks them, and tiles are left to others: the same kernels everywhere.
FIRST_MATTE = """
import json, sys, threading
import numpy as np
import numpy_vitmatte.network.precision, numpy_vitmatte.runtime.precision
from numpy_vitmatte import matte
from numpy_vitmatte.runtime import jit
numpy_vitmatte.runtime.precision.has_fast_bfloat16 = lambda: True
numpy_vitmatte.network.precision.has_tiles = lambda: False
called = set()
def note(frame, event, _):
    if event == "call":
        called.add(f"{frame.f_globals.get('__name__')}.{frame.f_code.co_name}")
photo, trimap = np.zeros((64, 64, 3), np.uint8), np.full((64, 64), 128, np.uint8)
trimap[:8], trimap[-8:] = 0, 255
if jit.config.DISABLE_JIT:
    threading.setprofile(note), sys.setprofile(note)
matte(photo, trimap, precision=sys.argv[1])
sys.setprofile(None)
for kernel in jit._announcer.kernels:
    if kernel.signatures:
        called.add(f"{kernel.py_func.__module__}.{kernel.py_func.__name__}")
print(json.dumps(sorted(called)))
"""
NOT_CALLED = {
    "numpy_vitmatte.kernels.attention._copy_and_find_largest",  # in networks without relative positions
    "numpy_vitmatte.kernels.fused.window_block._only_real",  # where padded tokens' attention is kept
}


@pytest.mark.parametrize("precision", ["highest", "medium"])
def test_the_first_matte_compiles_only_what_it_runs(precision):
    """The kernels that have machine code, compiled or from the disk, against those that Python calls without Numba."""
    compiled, called = (
        set(json.loads(run_python("-c", FIRST_MATTE, precision, **environment)))
        for environment in ({}, {"NUMBA_DISABLE_JIT": "1"})
    )
    assert compiled - called == NOT_CALLED
    assert ("numpy_vitmatte.kernels.matmul._sweep_in_pairs" in compiled) == (precision == "medium")
