"""Kernels call each other by symbol, in this process and from code on the disk, and Python may call each."""

import os
import subprocess
import sys

import numpy as np
import pytest
from numba.core.errors import TypingError
from numba.core.runtime import _nrt_python, rtsys

from numpy_vitmatte import VitMatteForImageMatting
from numpy_vitmatte.runtime.jit import CALLED, EXACT_ORDER, INLINED, kernel

pytestmark = pytest.mark.compiled

PROGRAM = """
import numpy as np
from numpy_vitmatte.runtime.jit import kernels_compiled
from numpy_vitmatte.kernels.conv import conv_rows, pack_conv
from numpy_vitmatte.kernels.matmul import linear, pack

print(({}).tolist(), kernels_compiled())
"""
LINEAR = "linear(np.ones((2, 3), np.float32), pack(np.ones((3, 4), np.float32)))"
CONV = "conv_rows(np.ones((3, 3, 1), np.float32), pack_conv(np.ones((4, 1, 3, 3), np.float32)), 0, 1)"


def _in_process(expression, cache):
    """Return an expression's value, the kernels that were compiled for it, and the warnings."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(expression)],
        env={**os.environ, "NUMBA_CACHE_DIR": str(cache)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    value, compiled = done.stdout.rsplit(" ", 1)
    return value, int(compiled), done.stderr


def test_code_from_the_disk_finds_the_kernels_that_it_calls(tmp_path):
    """The second process loads ``multiply``, which has only the symbol of ``sweep_columns``, and compiles nothing."""
    first, compiled, _ = _in_process(LINEAR, tmp_path)
    assert compiled > 3
    assert _in_process(LINEAR, tmp_path) == (first, 0, "")
    assert first == str([[3.0] * 4] * 2)


def test_a_new_kernel_calls_code_from_the_disk(tmp_path):
    """``_conv_rows`` counts no references. Nevertheless it loads kernels below ``sweep_columns`` that do count them."""
    _in_process(LINEAR, tmp_path)
    value, compiled, warnings = _in_process(CONV, tmp_path)
    assert (value, compiled, warnings) == (str([[[9.0] * 4]]), 2, "")  # _conv_rows and conv_row


def test_a_called_kernels_code_exists_once():
    """The caller's machine code has a call to it, and not its lines."""

    @kernel(EXACT_ORDER, CALLED)
    def cube_root(x):
        return np.cbrt(x)

    @kernel(EXACT_ORDER)
    def twice(x):
        return 2 * cube_root(x)

    assert twice(8.0) == 4
    (code,) = twice.inspect_llvm().values()
    assert "cube_root." in code
    assert "cbrt(" not in code


def test_python_may_call_every_kernel():
    """Tests call kernels that only kernels call in the package."""

    @kernel(EXACT_ORDER, CALLED)
    def called(x, y):
        return x - y

    @kernel(EXACT_ORDER, INLINED)
    def inlined(x, y):
        return x - y

    assert called(3.0, 1.0) == inlined(3.0, 1.0) == 2


def test_an_error_comes_through_a_called_kernel():
    """An exception of the kernel below is raised by the caller, as between Numba's own functions."""

    @kernel(EXACT_ORDER, CALLED)
    def refuses(x):
        if x > 1:
            raise ValueError("too large")
        return x

    @kernel(EXACT_ORDER)
    def asks(x):
        return refuses(x) + 1

    assert asks(1.0) == 2
    with pytest.raises(ValueError, match="too large"):
        asks(2.0)


def test_kernels_that_count_no_references_receive_no_new_arrays():
    """A kernel must say that it allocates where it returns an array or calls a kernel that does."""

    @kernel(EXACT_ORDER, CALLED)
    def silent(n):
        return (np.empty(n, np.float32), n)

    @kernel(EXACT_ORDER, CALLED, allocates=True)
    def allocating(n):
        return (np.empty(n, np.float32), n)

    @kernel(EXACT_ORDER)
    def receiving(n):
        return allocating(n)[0].size

    for one in (silent, receiving):
        with pytest.raises(TypingError):
            one(3)
    assert allocating(3)[0].shape == (3,)
    with pytest.raises(TypingError, match="allocates=True"):
        receiving(3)


def test_kernels_give_back_all_memory():
    """After a call no array that a kernel made is left: every reference that is counted is given back."""
    model = VitMatteForImageMatting.from_pretrained("vitmatte-tiny")
    _nrt_python.memsys_enable_stats()
    model(np.zeros((1, 4, 64, 64), np.float32))
    before = rtsys.get_allocation_stats()
    model(np.zeros((1, 4, 64, 64), np.float32))
    after = rtsys.get_allocation_stats()
    assert after.alloc > before.alloc + 50
    assert after.alloc - after.free == before.alloc - before.free
