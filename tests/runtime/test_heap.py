"""Memory of small arrays stays in the process while it is recycled, and is given back behind that."""

import platform
import resource
from pathlib import Path

import numpy as np
import pytest

from numpy_vitmatte.runtime.recycling import recycling

pytestmark = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries have no such setting")

ARRAYS, FLOATS = 100, 1 << 18
PAGES = ARRAYS * FLOATS * 4 // resource.getpagesize()


def fill_and_free():
    """Return the number of pages that were asked for anew."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    arrays = [np.full(FLOATS, 1, np.float32) for _ in range(ARRAYS)]
    del arrays
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


def resident_pages():
    return int(Path("/proc/self/statm").read_text().split()[1])


def test_freed_memory_is_used_again_and_then_given_back():
    """A hundred MiB in a hundred arrays, also in a block within another."""
    with recycling():
        fill_and_free()
        with recycling():
            assert fill_and_free() < PAGES / 10
        assert fill_and_free() < PAGES / 10
        kept = resident_pages()
    assert resident_pages() < kept - PAGES / 2
