"""Resizing by sparse matrices against one product in float64."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from numpy_vitmatte.kernels.resample import resize
from numpy_vitmatte.testing import UNIT, assert_within

POISON = np.float32(-7.25e30)
sides = st.integers(1, 6)


@given(source=st.tuples(sides, sides), target=st.tuples(sides, sides), channels=sides, seed=st.integers(0, 2**32 - 1))
def test_resizing_is_a_product_with_both_matrices(source, target, channels, seed):
    """Zeros among the weights are left out."""
    generator = np.random.default_rng(seed)
    grid = generator.standard_normal((*source, channels)).astype(np.float32)
    down, across = (
        (generator.standard_normal(shape) * generator.integers(0, 2, shape)).astype(np.float32)
        for shape in zip(target, source, strict=True)
    )
    out = np.full((*target, channels), POISON)
    resize(grid, down, across, out)
    wide = [array.astype(np.float64) for array in (down, across, grid)]
    expected, magnitude = (np.einsum("ys,xt,stc->yxc", *arrays) for arrays in (wide, [np.abs(array) for array in wide]))
    roundings = source[0] * source[1] + 2
    assert_within(out, expected, roundings * UNIT * magnitude + 1e-30)
