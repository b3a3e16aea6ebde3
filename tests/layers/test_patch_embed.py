"""Patch embedding against the reference."""

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from numpy_vitmatte import reference
from numpy_vitmatte.layers.patch_embed import PatchEmbedParameters, patch_embed
from numpy_vitmatte.testing import assert_float32, assert_within, random_tensors, summation_bound, wide


@given(
    rows=st.integers(1, 5), columns=st.integers(1, 5), patch=st.sampled_from([1, 2, 4, 8]),
    channels=st.integers(1, 37), seed=st.integers(0, 2**32 - 1),
)  # fmt: skip
@example(rows=3, columns=5, patch=16, channels=17, seed=0)
def test_patch_embed(rows, columns, patch, channels, seed):
    """One sum of patch * patch * 4 products per number."""
    tensors = random_tensors({"projection.weight": (channels, 4, patch, patch), "projection.bias": (channels,)}, seed)
    image = np.random.default_rng(seed).standard_normal((rows * patch, columns * patch, 4)).astype(np.float32)
    before = image.copy()
    tokens = patch_embed(image, PatchEmbedParameters.from_tensors(tensors))
    assert_float32(tokens, (rows, columns, channels))
    exact = wide(tensors)
    magnitude = reference.patch_embed(np.abs(image).astype(np.float64), {k: np.abs(v) for k, v in exact.items()})
    expected = reference.patch_embed(image.astype(np.float64), exact)
    assert_within(tokens, expected, summation_bound(4 * patch * patch, magnitude))
    np.testing.assert_array_equal(image, before)


def test_positions_are_added():
    """Each row of tokens gets its own."""
    tensors = random_tensors({"projection.weight": (3, 4, 2, 2), "projection.bias": (3,)}, 0)
    parameters = PatchEmbedParameters.from_tensors(tensors)
    image, positions = (np.random.default_rng(1).random(shape, np.float32) for shape in ((18, 10, 4), (9, 5, 3)))
    tokens = patch_embed(image, parameters, lambda first, last: positions[first:last])
    np.testing.assert_array_equal(tokens, patch_embed(image, parameters) + positions)
