"""What follows attention in a transformer block, in one call: as step by step, to the bit."""

import numpy as np
import pytest

from numpy_vitmatte.kernels.elementwise import gelu_, normalize_rows
from numpy_vitmatte.kernels.fused.block import LayerNorm, NormAndMlp
from numpy_vitmatte.kernels.fused.residual_mlp import add_residual_mlp
from numpy_vitmatte.kernels.matmul import ROWS_IN_CACHE, linear, pack


@pytest.mark.parametrize("rows", [1, 5, ROWS_IN_CACHE, ROWS_IN_CACHE + 1, 2 * ROWS_IN_CACHE + 31])
def test_residual_mlp(rows):
    """Sum, norm, MLP and sum: as one after the other, to the bit, in place of attention's result."""
    random = np.random.default_rng(rows)
    x, attended, weight, bias, *weights = (
        random.standard_normal(shape).astype(np.float32)
        for shape in ((rows, 24), (rows, 24), (24,), (24,), (24, 40), (40,), (40, 24), (24,))
    )
    fc1, fc2 = pack(*weights[:2]), pack(*weights[2:])
    before, total = x.copy(), x + attended
    add_residual_mlp(x, attended, NormAndMlp(LayerNorm(weight, bias, 1e-6), fc1, fc2))
    wide = gelu_(linear(normalize_rows(total, weight, bias, 1e-6), fc1))
    expected = total + linear(wide, fc2)
    np.testing.assert_array_equal(attended, expected)
    np.testing.assert_array_equal(x, before)
