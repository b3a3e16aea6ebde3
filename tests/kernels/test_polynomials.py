"""The exponential and the normal distribution against float64, one by one and in rows."""

import math
import os
import platform

import numba
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.processes import run_python

from numpy_vitmatte.kernels.polynomials import exponential, exponentials, gelu_run, normal_distribution
from numpy_vitmatte.kernels.vectors import SLACK
from numpy_vitmatte.testing import assert_within, summation_bound

# As plain Python a call takes some microseconds.
SAMPLES = 3_000 if os.environ.get("NUMBA_DISABLE_JIT") == "1" else 300_000
SPECIAL = np.float32([0, -0.0, 1e-30, -1e-6, 30, -30, 1e30, -1e30])

seeds = st.integers(0, 2**32 - 1)
lengths = st.integers(1, 200)


@numba.njit
def each(function, x):
    """Apply a scalar kernel to every number."""
    out = np.empty_like(x)
    for i in range(x.size):
        out[i] = function(x[i])
    return out


@numba.njit
def exponentials_of(x, largest, out):
    """Call the function of kernels."""
    return exponentials(x, largest, out)


@numba.njit
def gelu_of(x):
    """Call the function of kernels."""
    gelu_run(x)


def dense(first, last):
    """Numbers spread over an interval, on both sides of every multiple of 1/2, and the two ends themselves."""
    halves = np.arange(math.ceil(2 * first), math.floor(2 * last) + 1, dtype=np.float32) / 2
    beside = [np.nextafter(halves, np.float32(side * np.inf)) for side in (-1, 1)]
    spread = np.random.default_rng(0).uniform(first, last, SAMPLES).astype(np.float32)
    return np.concatenate([spread, halves, np.clip(np.concatenate(beside), first, last), np.float32([first, last])])


def draw(count, seed):
    """Scores, some far apart."""
    return (np.random.default_rng(seed).standard_normal(count) * 20).astype(np.float32)


def test_exponential_is_within_1_ulp_to_the_ends_of_its_range():
    """From exp(-87) to exp(88), in units of the last place of the float32 nearest to the true value."""
    x = dense(-87, 88)
    expected = np.exp(x.astype(np.float64))
    ulp = np.spacing(expected.astype(np.float32)).astype(np.float64)
    assert_within(each(exponential, x), expected, ulp)


def test_exponential_of_special_numbers():
    """Below -87 it stays at exp(-87): a probability that float32 sums do not see. That of 0 is 1, and NaN stays NaN."""
    x = np.float32([-87.5, -88, -104, -1e4, -1e30, -np.inf])
    np.testing.assert_array_equal(each(exponential, x), each(exponential, np.full(6, -87, np.float32)))
    assert each(exponential, x)[0] == pytest.approx(math.exp(-87), rel=3e-7)
    np.testing.assert_array_equal(each(exponential, np.float32([0, -0.0, np.nan])), np.float32([1, 1, np.nan]))


@given(lengths, seeds)
def test_exponentials_of_a_row(count, seed):
    """They are those of the single numbers, to the bit, and their sum is one of float32 numbers."""
    x, out = draw(count + SLACK, seed), np.empty(count + SLACK, np.float32)
    largest = x[:count].max()
    total = exponentials_of(x, largest, out[:count])
    expected = each(exponential, x[:count] - largest)
    np.testing.assert_array_equal(out[:count], expected)
    exact = expected.sum(dtype=np.float64)
    assert_within(total, exact, summation_bound(count, exact))


def test_normal_distribution_is_within_15e_8():
    """The largest error over all float32 is 1.3e-7; beyond 5.3 it is exactly 0 or 1."""
    x = np.concatenate([dense(-6, 6), SPECIAL, np.float32([np.inf, -np.inf])])
    expected = [math.erfc(-value * math.sqrt(0.5)) / 2 for value in x.tolist()]
    assert_within(each(normal_distribution, x), expected, 1.5e-7)


@pytest.mark.compiled
def test_normal_distribution_of_special_numbers():
    """The float64 function of plain Python is not cut off."""
    x = np.float32([0, 5.3, 100, np.inf, -5.3, -100, -np.inf, np.nan])
    np.testing.assert_array_equal(each(normal_distribution, x), np.float32([0.5, 1, 1, 1, 0, 0, 0, np.nan]))


@given(lengths, seeds)
def test_gelu_of_a_row(count, seed):
    """Each number times its normal distribution, to the bit; what follows the row is left alone."""
    x = draw(count + 1, seed)
    before = x.copy()
    gelu_of(x[:count])
    np.testing.assert_array_equal(x[:count], before[:count] * each(normal_distribution, before[:count]))
    assert x[count] == before[count]


WHOLE_REGISTERS = """
import numba
from numba import types
from numpy_vitmatte.kernels.polynomials import gelu_run
gelu = numba.njit(lambda x: gelu_run(x))
gelu.compile((types.float32[::1],))
(code,) = gelu.inspect_asm().values()
products = [line for line in code.splitlines() if "vfm" in line]
print(*(sum(name in line for line in products) for name in ("zmm", "ymm")))
"""


@pytest.mark.compiled
@pytest.mark.skipif(platform.machine() != "x86_64", reason="this LLVM writes no code for other processors")
def test_intels_registers_are_used_whole():
    """LLVM itself makes vectors of half a register there."""
    target = {"NUMBA_CPU_NAME": "sapphirerapids", "NUMBA_CPU_FEATURES": "+avx512f,+avx512vl,+avx512dq,+avx2,+fma"}
    whole, half = map(int, run_python("-c", WHOLE_REGISTERS, **target).split())
    assert whole == 4 * (14 + 2)  # four vectors go through 14 steps of the polynomial, and two more
    assert half == 0
