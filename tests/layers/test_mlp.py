"""MLP against the reference."""

import numpy as np
from checkpoints import random_tensors, wide
from comparison import UNIT, assert_float32, assert_within
from hypothesis import given
from hypothesis import strategies as st

from numpy_vitmatte import reference
from numpy_vitmatte.layers.mlp import MlpParameters, mlp

# Two sums of at most 100 products and an erf within 5e-7, 8 roundings: 24 of the largest result; measured, 9.3.
TOLERANCE = 24 * UNIT


@given(
    height=st.integers(1, 5), width=st.integers(1, 7), channels=st.integers(1, 35), hidden=st.integers(1, 100),
    seed=st.integers(0, 2**32 - 1),
)  # fmt: skip
def test_mlp(height, width, channels, hidden, seed):
    """Any width and hidden width, ratios that are not 4 among them."""
    shapes = {"fc1.weight": (hidden, channels), "fc1.bias": (hidden,), "fc2.weight": (channels, hidden)}
    tensors = random_tensors(shapes | {"fc2.bias": (channels,)}, seed)
    x = np.random.default_rng(seed).standard_normal((height, width, channels)).astype(np.float32)
    before = x.copy()
    y = mlp(x, MlpParameters.from_tensors(tensors))
    assert_float32(y, (height, width, channels))
    expected = reference.mlp(x.astype(np.float64), wide(tensors))
    assert_within(y, expected, TOLERANCE * max(1, np.abs(expected).max()))
    np.testing.assert_array_equal(x, before)
