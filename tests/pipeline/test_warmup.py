"""Compiling ahead: a process after it compiles nothing, counted, not timed."""

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
