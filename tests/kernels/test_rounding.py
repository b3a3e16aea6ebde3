"""Rounding in kernels: the bits of NumPy's rounding, by an instruction or by integers."""

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from numpy_vitmatte.kernels import rounding
from numpy_vitmatte.kernels.bfloat16 import split
from numpy_vitmatte.kernels.rounding import round_run, split_run
from numpy_vitmatte.kernels.vectors import SLACK

UNTOUCHED, SECOND = 7, 128
"""What arrays hold before, and where the second part begins."""


def compiled(function):
    return numba.njit(lambda *arguments: function(*arguments))


round_one, split_in_two = compiled(round_run), compiled(split_run)


def floats(bits):
    return np.array(bits, np.uint32).view(np.float32)


@settings(max_examples=40)
@given(st.lists(st.integers(0, 2**32 - 1), max_size=40), st.integers(0, 3), st.integers(0, 40), st.sampled_from([1, 2]))
def test_a_run(bits, start, zeros, parts):
    """As NumPy rounds it, then zeros; nothing before it is written, nor behind the vector in which it ends."""
    x, width, out = floats(bits), len(bits) + zeros, np.full(2 * SECOND, UNTOUCHED, np.uint16)
    with np.errstate(invalid="ignore"):
        (split_in_two if parts == 2 else round_one)(x, 0, len(bits), out, start, width, SECOND)
        expected = split(x, parts)
    for own, part in zip(out.reshape(2, SECOND), expected, strict=False):
        np.testing.assert_array_equal(own[start:][:width], np.pad(part, (0, zeros)))
        assert (own[:start] == UNTOUCHED).all()
        assert (own[start + width + SLACK :] == UNTOUCHED).all()
    assert parts == 2 or (out[SECOND:] == UNTOUCHED).all()


@pytest.mark.parametrize("by", ["the processor", "integers"])
@pytest.mark.parametrize("low", [0, 1, 0x7FFF, 0x8000, 0x8001, 0xFFFF])
def test_every_upper_half(monkeypatch, by, low):
    """All 65536, with ties and what lies next to them below: infinities, NaN, numbers below 2**-126, both signs."""
    if by == "integers":
        monkeypatch.setattr(rounding, "has_bfloat16_products", lambda: False)
    x = floats(np.arange(2**16, dtype=np.uint32) << 16 | low)
    out = np.empty(2 * x.size, np.uint16)
    with np.errstate(invalid="ignore", over="ignore"):
        compiled(split_run)(x, 0, x.size, out, 0, x.size, x.size)
        expected = split(x, 2)
    np.testing.assert_array_equal(out.reshape(2, -1), expected)
