"""Resized positions against the reference, whose resizing is written another way (taps, not matrices)."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from numpy_vitmatte import reference
from numpy_vitmatte.layers.position import (
    absolute_positions,
    bicubic_weights,
    relative_positions,
    rows_of_positions,
)
from numpy_vitmatte.testing import UNIT, assert_float32, assert_within

sides = st.integers(1, 9)
seeds = st.integers(0, 2**32 - 1)


@given(side=st.integers(1, 7), height=sides, width=sides, channels=st.integers(1, 5), seed=seeds)
@example(side=5, height=7, width=11, channels=3, seed=0)
@example(side=7, height=3, width=2, channels=5, seed=0)
@example(side=6, height=6, width=6, channels=5, seed=0)
@example(side=6, height=6, width=5, channels=5, seed=0)
def test_absolute_positions(side, height, width, channels, seed):
    """Larger, smaller and equal grids; whole ones and single rows. Along each axis four weighted neighbors are added:
    2 * (4 + 1) roundings.
    """
    table = np.random.default_rng(seed).standard_normal((1, 1 + side * side, channels)).astype(np.float32)
    positions = absolute_positions(table, height, width)
    assert_float32(positions, (height, width, channels))
    expected = reference.absolute_positions(table.astype(np.float64), height, width)
    across, down = np.abs(bicubic_weights(side, width)), np.abs(bicubic_weights(side, height))
    magnitude = np.einsum("ys,xt,stc->yxc", down, across, np.abs(table[0, 1:]).reshape(side, side, channels))
    assert_within(positions, expected, 10 * UNIT * magnitude + 1e-12)
    first = seed % height
    rows = rows_of_positions(table, height, width)(first, first + 1)
    np.testing.assert_array_equal(rows, positions[first : first + 1])


def test_class_token_is_dropped():
    """The first position belongs to a token that ViTMatte does not have."""
    table = np.arange(10, dtype=np.float32).reshape(1, 10, 1)
    assert absolute_positions(table, 3, 3).flatten().tolist() == list(range(1, 10))


@given(rows=st.integers(1, 23), length=st.integers(1, 17), size=st.integers(1, 5), seed=seeds)
@example(rows=9, length=5, size=3, seed=0)
def test_relative_positions(rows, length, size, seed):
    """Row ``length - 1 + i - j`` is what the reference gives query i and key j."""
    table = np.random.default_rng(seed).standard_normal((rows, size)).astype(np.float32)
    positions = relative_positions(table, length)
    assert positions.dtype == np.float32
    assert positions.shape == (2 * length - 1, size)
    index = np.arange(length)
    expected = reference.relative_positions(table.astype(np.float64), length)
    pairs = positions[length - 1 + index[:, None] - index]
    assert_within(pairs, expected, UNIT * np.abs(expected) + 1e-12)


@pytest.mark.parametrize(("source", "target"), [(5, 5), (5, 7), (7, 5), (1, 4), (4, 1), (14, 40)])
def test_bicubic_weights(source, target):
    """Rows sum to 1, so that a constant stays; equal lengths give the identity."""
    matrix = bicubic_weights(source, target)
    assert_within(matrix.sum(axis=1), np.ones(target), 1e-12)
    if source == target:
        assert_within(matrix, np.eye(source), 1e-12)


def test_weights_worked_out_by_hand():
    """Halving 4 samples lands half-way between two: Keys' weights for a = -0.75 there are 19/32 and -3/32."""
    outer, inner = -3 / 32, 19 / 32
    expected = [[outer + inner, inner, outer, 0], [0, outer, inner, inner + outer]]  # beyond the edge it repeats
    assert_within(bicubic_weights(4, 2), expected, 1e-15)


def test_relative_positions_worked_out_by_hand():
    """Two rows become three, whose ends lie beyond the outer two, which repeat; five rows become three."""
    two, five = np.array([[0.0], [1.0]], np.float32), np.array([[0.0], [3.0], [6.0], [9.0], [12.0]], np.float32)
    assert relative_positions(two, 2).flatten().tolist() == [0, 0.5, 1]
    assert relative_positions(five, 2).flatten().tolist() == [1, 6, 11]
