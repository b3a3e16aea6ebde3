"""Pairs of doubled rows and pixels, against doubling, shifting and adding in float64."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from support.doubling import doubling_matrix

from numpy_vitmatte.kernels.blend import blend_pixels, blend_rows
from numpy_vitmatte.kernels.vectors import LANES, SLACK
from numpy_vitmatte.runtime.jit import EXACT_ORDER, kernel
from numpy_vitmatte.testing import UNIT, assert_within


@kernel(EXACT_ORDER)
def call_blend_pixels(x, places, steps, flags, shape, out, o):
    blend_pixels(x, places, steps, flags, shape, out, o)


@kernel(EXACT_ORDER)
def call_blend_rows(x, places, step, flags, counts, floor, out, targets):
    blend_rows(x, places, step, flags, counts, floor, out, targets)


def doubled_and_summed(maps):
    """(length, 3, count) -> (2 length, count): map n doubled, zeros around it, shifted by n - 1; the three added."""
    padded = np.pad(np.einsum("dl,lsc->sdc", doubling_matrix(len(maps)), maps), ((0, 0), (1, 1), (0, 0)))
    return sum(padded[n, n : n + 2 * len(maps)] for n in range(3))


def around(pixel, maps):
    """The places of a pixel and its neighbors in flattened maps, and the flags of the pair."""
    length, _, count = maps.shape
    places = tuple(3 * count * place for place in (max(pixel - 1, 0), pixel, min(pixel + 1, length - 1)))
    return places, (np.float32(pixel > 0), np.float32(pixel < length - 1))


def flat(*arrays):
    """The arrays in one; what a kernel may read behind them are NaNs."""
    return np.concatenate([*(array.reshape(-1) for array in arrays), np.full(SLACK, np.nan, np.float32)])


def maps_and_sums(length, count, seed):
    """Random maps, their doubled and summed pixels, and the sums of the magnitudes."""
    maps = np.random.default_rng(seed).standard_normal((length, 3, count)).astype(np.float32)
    return maps, *map(doubled_and_summed, np.float64([maps, np.abs(maps)]))


counts = st.integers(1, 40)
seeds = st.integers(0, 99)


@given(length=st.integers(1, 6), count=counts, data=st.data(), seed=seeds)
def test_pixels_of_a_run(length, count, data, seed):
    """Whole vectors or not. One pixel at an edge, or some between the edges; nothing else is written."""
    maps, expected, magnitude = maps_and_sums(length, count, seed)
    first = data.draw(st.integers(0, length - 1))
    run = data.draw(st.integers(1, length - 1 - first)) if 0 < first < length - 1 else 1
    out = np.random.default_rng(seed).standard_normal(9 + 2 * run * count).astype(np.float32)
    before, (places, flags) = out.copy(), around(first, maps)
    call_blend_pixels(flat(maps), places, (count, 3 * count), flags, (run, count), out, 5)
    own = slice(2 * first, 2 * (first + run))
    assert_within(out[5:-4].reshape(-1, count), expected[own], 6 * UNIT * magnitude[own])
    np.testing.assert_array_equal(out[:5], before[:5])
    np.testing.assert_array_equal(out[-4:], before[-4:])


@given(length=st.integers(1, 5), count=counts, data=st.data(), wanted=st.sampled_from([(1, 1), (1, 0), (0, 1)]),
       floor=st.sampled_from([-np.inf, 0]), seed=seeds)  # fmt: skip
def test_rows_are_added_to_others(length, count, data, wanted, floor, seed):
    """Both rows or one of them, wherever they go. What stands before and behind them stays, and the other row, too."""
    maps, expected, magnitude = maps_and_sums(length, count, seed)
    row, generator = data.draw(st.integers(0, length - 1)), np.random.default_rng(seed)
    more, out = (generator.standard_normal(size).astype(np.float32) for size in ((2, count), 2 * count + 9))
    before, (places, flags) = out.copy(), around(row, maps)
    targets = data.draw(st.permutations([2, count + 5]))
    own_counts = tuple(int(count * one) for one in wanted)
    call_blend_rows(flat(maps, more), (*places, maps.size), count, flags, own_counts, np.float32(floor), out,
                    tuple(targets))  # fmt: skip
    for n, target in enumerate(targets):
        found, rest = out[target:][:count], before[target:][:count]
        total = np.maximum(more[n] + expected[2 * row + n], floor)
        bound = 7 * UNIT * (magnitude[2 * row + n] + np.abs(more[n]))
        assert_within(found, total if wanted[n] else rest, bound if wanted[n] else 0 * bound)
        before[target:][:count] = found
    np.testing.assert_array_equal(out, before)


def test_zeros_outside_the_doubled_picture():
    """A picture of one pixel: of its two doubled ones the first does not read map 0, the second not map 2."""
    maps = np.float32([1, 10, 100])[None, :, None] * np.ones(LANES, np.float32)
    zeros = np.zeros(2 * LANES, np.float32)
    places, flags = around(0, maps)
    pixels, rows = np.empty_like(zeros), np.empty_like(zeros)
    call_blend_pixels(flat(maps), places, (LANES, 0), flags, (1, LANES), pixels, 0)
    call_blend_rows(
        flat(maps, zeros), (*places, maps.size), LANES, flags, (LANES,) * 2, np.float32(0), rows, (0, LANES)
    )
    for out in (pixels, rows):
        assert set(out[:LANES]) == {110}
        assert set(out[LANES:]) == {11}
