"""A function that stands for one of several kernels: Python and kernels call the one that the types choose."""

import numpy as np
import pytest

from numpy_vitmatte.runtime.choice import chosen_by_types
from numpy_vitmatte.runtime.jit import CALLED, EXACT_ORDER, INLINED, kernel


@kernel(EXACT_ORDER, CALLED)
def _first(x, n):
    return x[n]


@kernel(EXACT_ORDER, INLINED)
def _doubled(x, n):
    return 2 * x[n]


@chosen_by_types
def chosen(x, n):
    """Return a number, or twice of it if it is a float32."""
    return _doubled if str(x.dtype) == "float32" else _first


@kernel(EXACT_ORDER)
def calling(x):
    """Call the choice from a kernel."""
    return chosen(x, 1) + chosen(x, 2)


@pytest.mark.parametrize(("dtype", "expected"), [(np.float32, 8), (np.float64, 4), (np.int16, 4)])
def test_the_type_chooses(dtype, expected):
    """From Python and from a kernel, which is compiled for each type; the functions keep their words."""
    x = np.array([0, 1, 3], dtype)
    assert calling(x) == expected
    assert chosen(x, 1) + chosen(x, 2) == expected
    assert chosen.__doc__.startswith("Return a number")


@pytest.mark.compiled
def test_only_the_chosen_kernel_is_compiled():
    """Nothing in between, and not the other one."""
    calling(np.zeros(3, np.float32))
    assert not any("float32" in str(signature) for signature in _first.signatures)
    assert any("float32" in str(signature) for signature in _doubled.signatures)
