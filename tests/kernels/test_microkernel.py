"""The tile in machine code against its plain twin and against one matrix product in float64."""

import functools
from typing import NamedTuple

import numba
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numpy_vitmatte.kernels import microkernel
from numpy_vitmatte.kernels.microkernel import MR, PANEL, SHORT_ROWS, TILE_PANELS, tile_in_python
from numpy_vitmatte.testing import assert_within, summation_bound

POISON = np.float32(-7.25e30)

SHAPES = {
    "full": (MR, TILE_PANELS),
    "narrow": (MR, 1),
    "short": (SHORT_ROWS, TILE_PANELS),
    "short_narrow": (SHORT_ROWS, 1),
    "row": (1, 1),
}
OWN = {name: getattr(microkernel, f"{name}_tile") for name in SHAPES}


class Problem(NamedTuple):
    """Arguments of one tile, and the output buffer it may write a part of."""

    x: np.ndarray
    x_start: int
    x_step: int
    segments: int
    segment_step: int
    depth: int
    w: np.ndarray
    w_start: int
    bias: np.ndarray
    bias_start: int
    out: np.ndarray
    out_start: int
    out_step: int


@functools.cache
def callable_from_python(function):
    """An intrinsic can only be called inside compiled code: wrap it."""

    @numba.njit
    def call(x, x_start, x_step, segments, segment_step, depth, w, w_start, bias, bias_start, out, out_start, out_step):
        function(x, x_start, x_step, segments, segment_step, depth, w, w_start, bias, bias_start,
                 out, out_start, out_step)  # fmt: skip

    return call


@st.composite
def problems(draw, rows, panels):
    """Overlapping and separate rows and segments, any offsets, buffers that end where the last access ends."""
    small = st.integers(0, 5)
    segments, depth = draw(st.integers(1, 4)), draw(st.integers(1, 19))
    x_step, segment_step = draw(st.integers(0, 23)), draw(st.integers(0, 40))
    x_start, bias_start, w_start, out_start = (draw(small) for _ in range(4))
    out_step = panels * PANEL + draw(small)
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))

    def numbers(count):
        return generator.standard_normal(count).astype(np.float32)

    x = numbers(x_start + (rows - 1) * x_step + (segments - 1) * segment_step + depth)
    w = numbers(w_start + segments * depth * PANEL * panels)
    bias = numbers(bias_start + PANEL * panels)
    out = np.full(out_start + (rows - 1) * out_step + PANEL * panels + draw(small), POISON)
    return Problem(x, x_start, x_step, segments, segment_step, depth, w, w_start, bias, bias_start, out, out_start,
                   out_step)  # fmt: skip


def product_in_float64(p, rows, panels):
    """The tile's outputs (rows, panels * 16) and the sums of their terms' magnitudes, by gathering every index."""
    k = np.arange(p.depth)
    s = np.arange(p.segments)[:, None]
    m = np.arange(rows)[:, None, None]
    x = p.x[p.x_start + m * p.x_step + s * p.segment_step + k].reshape(rows, -1).astype(np.float64)
    w = p.w[p.w_start :].reshape(panels, p.segments * p.depth, PANEL).astype(np.float64)
    w = np.concatenate(list(w), axis=1)  # [panels, K, 16] -> [K, panels * 16]
    bias = p.bias[p.bias_start :].astype(np.float64)
    return x @ w + bias, np.abs(x) @ np.abs(w) + np.abs(bias)


def written(p, rows, panels):
    """Split the output buffer into the tile and everything else."""
    index = p.out_start + np.arange(rows)[:, None] * p.out_step + np.arange(panels * PANEL)
    outside = np.ones(p.out.size, bool)
    outside[index] = False
    return p.out[index], p.out[outside]


def check(function, p, rows, panels):
    inputs = [array.copy() for array in (p.x, p.w, p.bias)]
    function(*p)
    inside, outside = written(p, rows, panels)
    expected, magnitude = product_in_float64(p, rows, panels)
    assert_within(inside, expected, summation_bound(p.segments * p.depth, magnitude))
    assert (outside == POISON).all(), "the tile wrote outside its rows and columns"
    for before, after in zip(inputs, (p.x, p.w, p.bias), strict=True):
        np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize("name", SHAPES)
@given(data=st.data())
def test_tile_is_a_matrix_product(name, data):
    """Each of the tiles that ``sweep`` uses, on this processor's registers."""
    rows, panels = SHAPES[name]
    check(callable_from_python(OWN[name]), data.draw(problems(rows, panels)), rows, panels)


@pytest.mark.parametrize("name", SHAPES)
@given(data=st.data())
def test_plain_twin_is_the_same_matrix_product(name, data):
    """The twin defines the tile and stands in for it under ``NUMBA_DISABLE_JIT=1``."""
    rows, panels = SHAPES[name]
    check(functools.partial(tile_in_python, rows, panels), data.draw(problems(rows, panels)), rows, panels)


@pytest.fixture(scope="module", params=[(4, 6, 1), (8, 6, 1), (16, 12, 2)], ids=["NEON", "AVX2", "AVX-512"])
def other_registers(request):
    """A tile written for another register size; LLVM splits vectors that this processor does not have."""
    lanes, rows, panels = request.param
    before, microkernel.VECTOR_WIDTH = microkernel.VECTOR_WIDTH, lanes
    function = callable_from_python(microkernel._make_tile(rows, panels))
    # The width is read when the tile is compiled: at this first call.
    function(*(np.zeros(64, np.float32) if name in microkernel._ARRAYS else 0 for name in microkernel._ARGUMENTS))
    yield function, rows, panels
    microkernel.VECTOR_WIDTH = before


@pytest.mark.compiled
@given(data=st.data())
def test_tiles_of_other_processors(other_registers, data):
    """The instructions written for NEON, AVX2 and AVX-512 are all correct, whichever machine runs the tests."""
    function, rows, panels = other_registers
    check(function, data.draw(problems(rows, panels)), rows, panels)


@pytest.mark.compiled
@pytest.mark.parametrize("bad", [np.zeros(64), np.zeros((8, 8), np.float32).T], ids=["float64", "not contiguous"])
def test_refuses_other_arrays(bad):
    """Pointers are followed without a check, so the types are checked when the tile is compiled."""
    x = np.zeros(64, np.float32)
    with pytest.raises(numba.TypingError, match="contiguous arrays of float32"):
        callable_from_python(microkernel.row_tile)(bad, 0, 1, 1, 0, 4, x, 0, x, 0, x, 0, 16)
