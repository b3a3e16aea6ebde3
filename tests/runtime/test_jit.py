"""Kernels compile at their first call, and that is counted and announced."""

import logging

import numba
import numpy as np
import pytest

from numpy_vitmatte.runtime import jit, kernel_cache
from numpy_vitmatte.runtime.jit import EXACT_ORDER, kernel
from numpy_vitmatte.runtime.kernel_cache import KernelFolder

pytestmark = pytest.mark.compiled


def test_a_kernel_is_counted_once_for_each_type(tmp_path, monkeypatch):
    """At its first call, not when it is decorated, and not at the second call."""
    for module in (jit, kernel_cache):
        monkeypatch.setattr(module, "FOLDER", KernelFolder(lambda: tmp_path))
    counts = [jit.kernels_compiled()]

    @kernel(EXACT_ORDER)
    def third(x):
        return x / 3

    for argument in (1.0, 2.0, np.float32(1), np.float32(2)):
        counts.append(jit.kernels_compiled() - counts[0])
        third(argument)
    assert counts[1:] == [0, 1, 1, 2]


def test_announcement_ignores_others_kernels(caplog):
    """A function that somebody else compiles is neither counted nor announced."""
    count = jit.kernels_compiled()
    with caplog.at_level(logging.WARNING, "numpy_vitmatte"):
        assert numba.njit(lambda x: x + 1)(1) == 2
    assert jit.kernels_compiled() == count
    assert caplog.records == []


def test_numbas_own_setting_is_left_alone():
    """Kernels of other packages keep Numba's cache and its folder."""
    assert type(numba.njit(lambda x: x)._cache).__module__.startswith("numba.")
