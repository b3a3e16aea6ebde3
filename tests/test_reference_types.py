"""The reference computes in the float type that comes in."""

import numpy as np
import pytest

from numpy_vitmatte import reference
from numpy_vitmatte.testing import random_checkpoint, random_pixels, random_tensor, tiny_config


@pytest.mark.parametrize("float_type", [np.float32, np.float64])
def test_no_other_float_type_is_made(float_type):
    """Not in any intermediate result."""
    config = tiny_config()
    pixels = random_pixels(1, 4, 80, 112)[0].transpose(1, 2, 0).astype(float_type)
    tensors = {name: tensor.astype(float_type) for name, tensor in random_checkpoint(config).items()}
    record = {}
    reference.vitmatte(pixels, tensors, config, record.__setitem__)
    assert len(record) == 1 + 2 * 3 + 2 * 4 + 1
    assert {name: value.dtype for name, value in record.items()} == dict.fromkeys(record, np.dtype(float_type))


def test_resized_positions_keep_their_type():
    """The weights of the interpolation are computed in float64 and must not leak."""
    table = random_tensor(np.random.default_rng(0), "position_embeddings", (1, 26, 3))
    assert reference.absolute_positions(table, 3, 7).dtype == np.float32
    assert reference.relative_positions(table[0], 4).dtype == np.float32
