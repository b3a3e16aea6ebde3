"""MLP against the reference."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from numpy_vitmatte import reference
from numpy_vitmatte.layers.mlp import MlpParameters, mlp
from numpy_vitmatte.testing import UNIT, assert_float32, assert_within, random_tensors, wide
from numpy_vitmatte.testing.strategies import seeds, token_grids

# Two sums of at most 100 products and an erf within 5e-7, 8 roundings: 24 of the largest result; measured, 9.3.
TOLERANCE = 24 * UNIT


@given(x=token_grids(), hidden=st.integers(1, 100), seed=seeds())
def test_mlp(x, hidden, seed):
    """Any width and hidden width, ratios that are not 4 among them."""
    channels = x.shape[-1]
    shapes = {"fc1.weight": (hidden, channels), "fc1.bias": (hidden,), "fc2.weight": (channels, hidden)}
    tensors = random_tensors(shapes | {"fc2.bias": (channels,)}, seed)
    before = x.copy()
    y = mlp(x, MlpParameters.from_tensors(tensors))
    assert_float32(y, x.shape)
    expected = reference.mlp(x.astype(np.float64), wide(tensors))
    assert_within(y, expected, TOLERANCE * max(1, np.abs(expected).max()))
    np.testing.assert_array_equal(x, before)
