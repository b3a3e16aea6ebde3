"""The residual neck against the reference."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from numpy_vitmatte import reference
from numpy_vitmatte.layers.neck import NeckParameters, residual_neck
from numpy_vitmatte.testing import UNIT, assert_float32, assert_within, random_tensors, random_tokens, wide
from numpy_vitmatte.testing.strategies import seeds, token_grids

# Three convolutions, each followed by a norm that divides by a spread of order 1. Measured: 10 roundings of the largest
# result.
TOLERANCE = 32 * UNIT


def draw_neck(channels, seed):
    """Tensors of a neck that halves its channels within."""
    half = channels // 2
    shapes = {"conv1.weight": (half, channels, 1, 1), "conv2.weight": (half, half, 3, 3)}
    shapes |= {"conv3.weight": (channels, half, 1, 1)}
    for number, width in ((1, half), (2, half), (3, channels)):
        shapes |= {f"norm{number}.weight": (width,), f"norm{number}.bias": (width,)}
    return random_tensors(shapes, seed)


@given(tokens=token_grids(channels=st.integers(8, 37)), seed=seeds())
@example(tokens=random_tokens(5, 7, 22), seed=0)
@example(tokens=random_tokens(1, 1, 9), seed=0)
def test_residual_neck(tokens, seed):
    """Odd widths, whose half is rounded down, among them; the border of the 3x3 convolution is zero."""
    tensors = draw_neck(tokens.shape[-1], seed)
    before = tokens.copy()
    y = residual_neck(tokens, NeckParameters.from_tensors(tensors))
    assert_float32(y, tokens.shape)
    expected = reference.residual_neck(tokens.astype(np.float64), wide(tensors))
    assert_within(y, expected, TOLERANCE * np.abs(expected).max())
    np.testing.assert_array_equal(tokens, before)


def test_neck_over_several_blocks_of_rows(monkeypatch):
    """Rows cut into blocks of one: the convolution reads the rows that other threads have written."""
    monkeypatch.setattr("numpy_vitmatte.layers.neck.rows_per_block", lambda row_bytes: 1)
    tensors = draw_neck(10, 0)
    tokens = random_tokens(7, 3, 10)
    expected = reference.residual_neck(tokens.astype(np.float64), wide(tensors))
    y = residual_neck(tokens, NeckParameters.from_tensors(tensors))
    assert_within(y, expected, TOLERANCE * np.abs(expected).max())


def test_epsilon_of_tokens_near_zero():
    """Tokens of size 1e-3 have a variance of 1e-6 after the first convolution, where the epsilon is half of the sum."""
    tensors = draw_neck(22, 1)
    tokens = random_tokens(3, 5, 22, seed=1) * np.float32(1e-3)
    expected = reference.residual_neck(tokens.astype(np.float64), wide(tensors))
    y = residual_neck(tokens, NeckParameters.from_tensors(tensors))
    assert_within(y, expected, TOLERANCE * np.abs(expected).max())


@pytest.mark.parametrize("number", [1, 2, 3])
def test_every_norm_counts(number):
    """A fresh network's ``norm3`` is zero; these are not, and leaving any out would be seen."""
    tensors = draw_neck(10, 0)
    tokens = random_tokens(3, 5, 10)
    full = residual_neck(tokens, NeckParameters.from_tensors(tensors))
    plain = tensors | {f"norm{number}.weight": np.ones_like(tensors[f"norm{number}.weight"])}
    assert np.abs(full - residual_neck(tokens, NeckParameters.from_tensors(plain))).max() > 1000 * TOLERANCE
