"""Layer norm against the reference."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from numpy_vitmatte import reference
from numpy_vitmatte.layers.norm import LayerNormParameters, layer_norm
from numpy_vitmatte.testing import UNIT, assert_float32, assert_within, random_tensors, wide


@given(
    shape=st.tuples(st.integers(1, 5), st.integers(1, 7), st.integers(2, 67)), epsilon=st.sampled_from([1e-6, 1e-3]),
    seed=st.integers(0, 2**32 - 1),
)  # fmt: skip
def test_layer_norm(shape, epsilon, seed):
    """Rows with a mean as large as their spread: the mean and the variance are sums of C terms.

    The kernel's own test derives a bound for each number; here it is C roundings of the largest result, at least 8.
    """
    channels = shape[-1]
    tensors = random_tensors({"norm.weight": (channels,), "norm.bias": (channels,)}, seed)
    tensors = {name.removeprefix("norm."): tensor for name, tensor in tensors.items()}
    x = np.random.default_rng(seed).normal(1, 1, shape).astype(np.float32)
    x[..., 0] += 2  # also of two channels, one differs
    before = x.copy()
    parameters = LayerNormParameters.from_tensors(tensors, epsilon)
    y = layer_norm(x, parameters)
    assert_float32(y, shape)
    expected = reference.layer_norm(x.astype(np.float64), wide(tensors), epsilon)
    spread = np.abs(x).max(axis=-1, keepdims=True) / np.sqrt(x.var(axis=-1, keepdims=True) + epsilon)
    assert_within(y, expected, max(8, channels) * UNIT * np.abs(expected).max() * np.maximum(1, spread))
    np.testing.assert_array_equal(x, before)


def test_parameters_are_writable_copies():
    """Numba compiles a kernel anew for read-only arrays, as tensors mapped from a file are."""
    tensors = {"weight": np.ones(3, np.float32), "bias": np.zeros(3, np.float32)}
    for tensor in tensors.values():
        tensor.flags.writeable = False
    parameters = LayerNormParameters.from_tensors(tensors, 1e-6)
    assert parameters.weight.flags.writeable
    assert parameters.bias.flags.writeable
