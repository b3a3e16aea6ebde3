"""Memory that begins with a cache line: where NumPy's does not, too."""

import numpy as np
import pytest

from numpy_vitmatte.kernels.matmul import pack
from numpy_vitmatte.runtime.alignment import aligned_empty, aligned_scratch
from numpy_vitmatte.runtime.workspace import FRESH


@pytest.mark.parametrize("make", [aligned_empty, aligned_scratch])
@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 1000, 300_000])
def test_begins_with_a_cache_line(make, size):
    """Several at once: each lies elsewhere. All of it may be written."""
    arrays = [make(size) for _ in range(9)]
    for number, array in enumerate(arrays):
        assert array.shape == (size,)
        assert array.dtype == np.float32
        assert size == 0 or array.ctypes.data % 64 == 0
        array[:] = number
    assert all((array == number).all() for number, array in enumerate(arrays))


def test_weights_and_work_begin_with_a_cache_line():
    assert pack(np.ones((7, 40), np.float32)).panels.ctypes.data % 64 == 0
    assert FRESH.empty((3, 5)).ctypes.data % 64 == 0
