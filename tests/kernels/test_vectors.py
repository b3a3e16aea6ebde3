"""The vector loops inside attention and products, against NumPy."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from numpy_vitmatte.kernels.microkernel import NR, PANEL
from numpy_vitmatte.kernels.vectors import LANES, SLACK, add_offsets, copy_lanes
from numpy_vitmatte.runtime.jit import EXACT_ORDER, kernel
from numpy_vitmatte.runtime.workspace import CACHE_LINE


def test_vectors_panels_and_cache_lines_are_equally_long():
    """Kernels take one for the other: a panel's row is one vector, and begins with a cache line of 64 bytes."""
    assert LANES == PANEL == CACHE_LINE == 64 // np.float32().itemsize
    assert NR % PANEL == 0


@kernel(EXACT_ORDER)
def call_add_offsets(scores, along_h, along_w, starts, rows, width, out):
    return add_offsets(scores, along_h, along_w, starts, rows, width, out)


@given(rows=st.integers(1, 5), width=st.integers(1, 40), first=st.integers(0, 3), seed=st.integers(0, 99))
def test_add_offsets(rows, width, first, seed):
    """Every width, whole vectors or not; numbers past the rows do not count for the maximum."""
    generator = np.random.default_rng(seed)
    scores, along_h, along_w = (generator.standard_normal(n + 9 + SLACK).astype(np.float32) for n in
                                (rows * width, rows, width))  # fmt: skip
    scores[first + rows * width :] = 1e9
    out = np.zeros(rows * width + SLACK, np.float32)
    largest = call_add_offsets(scores, along_h, along_w, (first, 2, 1), rows, width, out)
    expected = scores[first:][: rows * width].reshape(rows, width) + (along_h[2:][:rows, None] + along_w[1:][:width])
    np.testing.assert_array_equal(out[: rows * width], expected.reshape(-1))
    assert largest == expected.max()


@kernel(EXACT_ORDER)
def call_copy_lanes(x, first, count, out, start):
    copy_lanes(x, first, count, out, start)


@given(count=st.integers(0, 50), first=st.integers(0, 3), start=st.integers(0, 3))
def test_copy_lanes(count, first, start):
    """Not one number more is written, nor is there room for it."""
    x = np.random.default_rng(0).standard_normal(first + count + SLACK).astype(np.float32)
    out = np.full(start + count + 1, 7, np.float32)
    call_copy_lanes(x, first, count, out, start)
    np.testing.assert_array_equal(out, np.concatenate([np.full(start, 7), x[first:][:count], [7]]))
