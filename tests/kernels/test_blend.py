"""Pairs of doubled rows and pixels, against doubling, shifting and adding in float64."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.doubling import doubling_matrix

from numpy_vitmatte.kernels.blend import add_rows, blend_pixels
from numpy_vitmatte.kernels.vectors import LANES, SLACK
from numpy_vitmatte.runtime.jit import EXACT_ORDER, kernel
from numpy_vitmatte.testing import UNIT, assert_within


@kernel(EXACT_ORDER)
def call_blend_pixels(x, places, step, flags, count, out, o):
    blend_pixels(x, places, step, flags, count, out, o)


@kernel(EXACT_ORDER)
def call_add_rows(x, places, step, flags, count, out, o):
    add_rows(x, places, step, flags, count, out, o)


def doubled_and_summed(maps):
    """(length, 3, count) -> (2 length, count): map n doubled, zeros around it, shifted by n - 1; the three added."""
    padded = np.pad(np.einsum("dl,lsc->sdc", doubling_matrix(len(maps)), maps), ((0, 0), (1, 1), (0, 0)))
    return sum(padded[n, n : n + 2 * len(maps)] for n in range(3))


def call(function, maps, pixel, out, o):
    """The kernel on flattened maps; what it may read behind them are NaNs."""
    length, _, count = maps.shape
    places = tuple(3 * count * place for place in (max(pixel - 1, 0), pixel, min(pixel + 1, length - 1)))
    flags = np.float32(pixel > 0), np.float32(pixel < length - 1)
    flat = np.append(maps.reshape(-1), np.full(SLACK, np.nan, np.float32))
    function(flat, places, count, flags, count, out, o)


@pytest.mark.parametrize(("function", "kept"), [(call_blend_pixels, 0), (call_add_rows, 1)])
@given(length=st.integers(1, 5), count=st.integers(1, 40), data=st.data(), seed=st.integers(0, 99))
def test_both_numbers_of_a_pair(function, kept, length, count, data, seed):
    """Wherever the pair lies, whole vectors or not: written, or added to what was there. What follows stays."""
    pixel = data.draw(st.integers(0, length - 1))
    generator = np.random.default_rng(seed)
    maps = generator.standard_normal((length, 3, count)).astype(np.float32)
    out = generator.standard_normal(5 + 2 * count + SLACK).astype(np.float32)
    before = out.copy()
    call(function, maps, pixel, out, 5)
    expected, magnitude = (doubled_and_summed(x)[2 * pixel : 2 * pixel + 2] for x in np.float64([maps, np.abs(maps)]))
    own = kept * before[5:][: 2 * count].reshape(2, count).astype(np.float64)
    bound = (6 + kept) * UNIT * (magnitude + np.abs(own))
    assert_within(out[5:][: 2 * count].reshape(2, count), own + expected, bound)
    np.testing.assert_array_equal(out[:5], before[:5])
    np.testing.assert_array_equal(out[5 + 2 * count :], before[5 + 2 * count :])


@pytest.mark.parametrize("function", [call_blend_pixels, call_add_rows])
def test_zeros_outside_the_doubled_picture(function):
    """A picture of one pixel: of its two doubled ones the first does not read map 0, the second not map 2."""
    maps = np.float32([1, 10, 100])[None, :, None] * np.ones(LANES, np.float32)
    out = np.zeros(2 * LANES + SLACK, np.float32)
    call(function, maps, 0, out, 0)
    assert set(out[:LANES]) == {110}
    assert set(out[LANES : 2 * LANES]) == {11}
