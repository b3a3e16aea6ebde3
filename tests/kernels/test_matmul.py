"""Matrix products on packed weights, against float64."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from numpy_vitmatte.kernels.matmul import ROWS_IN_CACHE, Rows, Segments, linear, pack, sweep
from numpy_vitmatte.kernels.microkernel import PANEL
from numpy_vitmatte.testing import assert_float32, assert_within, summation_bound

POISON = np.float32(-7.25e30)

seeds = st.integers(0, 2**32 - 1)


def draw_product(rows, depth, columns, seed):
    """Input (rows, K), weight (K, N), bias (N,)."""
    generator = np.random.default_rng(seed)
    return tuple(
        generator.standard_normal(shape).astype(np.float32) for shape in ((rows, depth), (depth, columns), (columns,))
    )


def product_and_bound(x, weight, bias):
    x, weight, bias = (array.astype(np.float64) for array in (x, weight, bias))
    magnitude = np.abs(x) @ np.abs(weight) + np.abs(bias)
    return x @ weight + bias, summation_bound(weight.shape[0], magnitude)


@given(depth=st.integers(1, 20), columns=st.integers(1, 70), seed=seeds)
def test_pack_keeps_every_number_once(depth, columns, seed):
    """Column n of the matrix is lane n % 16 of panel n // 16; the rest is zero."""
    _, weight, bias = draw_product(1, depth, columns, seed)
    packed = pack(weight, bias)
    assert (packed.depth, packed.columns) == (depth, columns)
    panels = packed.panels.reshape(-1, depth, PANEL)
    assert len(panels) == -(-columns // PANEL)
    for n in range(columns):
        np.testing.assert_array_equal(panels[n // PANEL, :, n % PANEL], weight[:, n])
    assert not panels[-1, :, (columns - 1) % PANEL + 1 :].any()
    np.testing.assert_array_equal(packed.bias[:columns], bias)
    assert not packed.bias[columns:].any()
    assert not pack(weight).bias.any()


@given(rows=st.integers(1, 60), depth=st.integers(1, 40), columns=st.integers(1, 70), biased=st.booleans(), seed=seeds)
@example(rows=ROWS_IN_CACHE + 13, depth=3, columns=17, biased=True, seed=0)
@example(rows=1, depth=1, columns=1, biased=False, seed=0)
def test_linear(rows, depth, columns, biased, seed):
    """Rows, depths and columns that fill no tile, fewer rows than a tile, more rows than a block."""
    x, weight, bias = draw_product(rows, depth, columns, seed)
    bias = bias if biased else np.zeros_like(bias)
    before = x.copy()
    y = linear(x, pack(weight, bias if biased else None))
    assert_float32(y, (rows, columns))
    expected, bound = product_and_bound(x, weight, bias)
    assert_within(y, expected, bound)
    np.testing.assert_array_equal(x, before)


def test_linear_keeps_leading_axes_and_writes_into_out():
    """[2, 3, 5] -> [2, 3, 7], into the array given."""
    x, weight, bias = draw_product(6, 5, 7, seed=3)
    out = np.full((2, 3, 7), POISON)
    assert linear(x.reshape(2, 3, 5), pack(weight, bias), out) is out
    expected, bound = product_and_bound(x, weight, bias)
    assert_within(out.reshape(6, 7), expected, bound)


@given(
    rows=st.integers(1, 60), columns=st.integers(1, 50), depth=st.integers(1, 9), segments=st.integers(1, 3),
    gaps=st.tuples(*[st.integers(0, 9)] * 5), seed=seeds,
)  # fmt: skip
def test_sweep_reads_strided_and_writes_only_its_columns(rows, columns, depth, segments, gaps, seed):
    """Rows of input may overlap, those of output may lie apart: what is between them keeps its value."""
    x_start, out_start, segment_gap, out_gap, x_step = gaps
    segment_step, out_step = depth + segment_gap, columns + out_gap
    generator = np.random.default_rng(seed)
    x = generator.standard_normal(x_start + (rows - 1) * x_step + segments * segment_step).astype(np.float32)
    _, weight, bias = draw_product(1, segments * depth, columns, seed)
    matrix = pack(weight, bias)
    out = np.full(out_start + rows * out_step, POISON)
    sweep(Rows(x, x_start, x_step), rows, Segments(segments, segment_step, depth), matrix,
          Rows(out, out_start, out_step))  # fmt: skip
    index = x_start + np.arange(rows)[:, None, None] * x_step + np.arange(segments)[:, None] * segment_step
    expected, bound = product_and_bound(x[index + np.arange(depth)].reshape(rows, -1), weight, bias)
    inside = out[out_start:].reshape(rows, out_step)
    assert_within(inside[:, :columns], expected, bound)
    assert (inside[:, columns:] == POISON).all()
    assert (out[:out_start] == POISON).all()


@pytest.mark.compiled
@given(rows=st.integers(2, 30), depth=st.integers(1, 40), columns=st.integers(1, 70), seed=seeds)
def test_bits_of_a_row_do_not_depend_on_the_other_rows(rows, depth, columns, seed):
    """Whichever tile computes a row, its sums run in one order: threads may cut the rows anywhere."""
    x, weight, bias = draw_product(rows, depth, columns, seed)
    matrix = pack(weight, bias)
    together = linear(x, matrix)
    cut = 1 + seed % (rows - 1)
    np.testing.assert_array_equal(together, np.concatenate([linear(x[:cut], matrix), linear(x[cut:], matrix)]))
    np.testing.assert_array_equal(together, np.concatenate([linear(x[m : m + 1], matrix) for m in range(rows)]))
