"""Two products with GELU in between: as one after the other, to the bit."""

import numpy as np
import pytest

from numpy_vitmatte.kernels.activations import gelu_
from numpy_vitmatte.kernels.feed_forward import feed_forward
from numpy_vitmatte.kernels.matmul import ROWS_IN_CACHE, linear, pack


@pytest.mark.parametrize("rows", [0, 1, 5, ROWS_IN_CACHE, ROWS_IN_CACHE + 1, 2 * ROWS_IN_CACHE + 31])
@pytest.mark.parametrize(("depth", "hidden", "columns"), [(3, 5, 2), (16, 40, 16), (24, 96, 24)])
def test_as_one_after_the_other(rows, depth, hidden, columns):
    """The order of every sum is the same, whatever rows go together."""
    random = np.random.default_rng(rows)
    x, *weights = (
        random.standard_normal(shape).astype(np.float32)
        for shape in ((rows, depth), (depth, hidden), (hidden,), (hidden, columns), (columns,))
    )
    first, second = pack(*weights[:2]), pack(*weights[2:])
    before = x.copy()
    result = feed_forward(x, first, second)
    assert result.shape == (rows, columns)
    np.testing.assert_array_equal(result, linear(gelu_(linear(x, first)), second))
    np.testing.assert_array_equal(x, before)
