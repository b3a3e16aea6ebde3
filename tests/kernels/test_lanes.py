"""The vector loops inside kernels, against NumPy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numpy_vitmatte.kernels.jit import EXACT_ORDER, kernel
from numpy_vitmatte.kernels.lanes import LANES, SLACK, add_offsets, add_six_and_relu, blend_six
from numpy_vitmatte.testing import UNIT, assert_within


@kernel(EXACT_ORDER)
def call_add_offsets(scores, first, along_h, first_h, along_w, first_w, rows, width, out):
    return add_offsets(scores, first, along_h, first_h, along_w, first_w, rows, width, out)


@kernel(EXACT_ORDER)
def call_blend(x, places, w, m, out, o):
    a, b, c, d, e, f = places
    blend_six(x, a, b, c, d, e, f, w, m, out, o)


@kernel(EXACT_ORDER)
def call_finish(before, p, x, places, w, m, out, o):
    a, b, c, d, e, f = places
    add_six_and_relu(before, p, x, a, b, c, d, e, f, w, m, out, o)


@given(rows=st.integers(1, 5), width=st.integers(1, 40), first=st.integers(0, 3), seed=st.integers(0, 99))
def test_add_offsets(rows, width, first, seed):
    """Every width, whole vectors or not; numbers past the rows do not count for the maximum."""
    generator = np.random.default_rng(seed)
    scores, along_h, along_w = (generator.standard_normal(n + 9 + SLACK).astype(np.float32) for n in
                                (rows * width, rows, width))  # fmt: skip
    scores[first + rows * width :] = 1e9
    out = np.zeros(rows * width + SLACK, np.float32)
    largest = call_add_offsets(scores, first, along_h, 2, along_w, 1, rows, width, out)
    expected = scores[first:][: rows * width].reshape(rows, width) + (along_h[2:][:rows, None] + along_w[1:][:width])
    np.testing.assert_array_equal(out[: rows * width], expected.reshape(-1))
    assert largest == expected.max()


@pytest.mark.parametrize("finish", [False, True])
def test_blend_of_six(finish):
    """16 numbers each, from six places; the second adds them to others and leaves nothing negative."""
    generator = np.random.default_rng(0)
    x, w = (generator.standard_normal(n).astype(np.float32) for n in (200, 9))
    out, others = (generator.standard_normal(40).astype(np.float32) for _ in range(2))
    before, places = out.copy(), np.array([0, 31, 5, 90, 90, 184])
    if finish:
        call_finish(others, 11, x, places, w, 3, out, 7)
    else:
        call_blend(x, places, w, 3, out, 7)
    terms = np.stack(
        [float(weight) * x[place:][:LANES].astype(np.float64) for weight, place in zip(w[3:], places, strict=True)]
    )
    start = others[11:][:LANES].astype(np.float64) if finish else 0
    expected = np.maximum(terms.sum(0) + start, 0) if finish else terms.sum(0)
    assert_within(out[7:][:LANES], expected, 7 * UNIT * (np.abs(terms).sum(0) + np.abs(start)))
    before[7 : 7 + LANES] = out[7 : 7 + LANES]
    np.testing.assert_array_equal(out, before)
