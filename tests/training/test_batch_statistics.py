"""The statistics of a batch, and the average that is remembered of them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from numpy_vitmatte import reference
from numpy_vitmatte.testing import assert_within, wide
from numpy_vitmatte.testing.strategies import checkpoints, pixel_values
from numpy_vitmatte.training.batch_statistics import own_statistics, update_running_statistics


@settings(max_examples=15)
@given(data=st.data())
def test_normalized_maps_have_mean_0_and_variance_1(data):
    """Seen from outside: with weight 1 and bias 0, what a batch norm gives has them, but for its epsilon."""
    checkpoint = data.draw(checkpoints())
    config, tensors = checkpoint.config, wide(checkpoint.tensors)
    images = data.draw(pixel_values(config)).transpose(0, 2, 3, 1).astype(np.float64)
    before, recordings = {name: tensor.copy() for name, tensor in tensors.items()}, [{} for _ in images]
    for image, kept in zip(images, recordings, strict=True):
        reference.vitmatte(image, tensors, config, kept.setdefault)
    stacked = {name: np.stack([kept[name] for kept in recordings]) for name in recordings[0]}
    own, pixels = own_statistics(images, stacked, tensors, config)

    norms = [name.removesuffix("running_var") for name in tensors if name.endswith("running_var")]
    assert set(pixels) == set(norms)
    calls, batch_norm = [], reference.batch_norm

    def watched(x, w, epsilon):
        calls.append((x.reshape(-1, x.shape[-1]), w, epsilon))
        return batch_norm(x, w, epsilon)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reference, "batch_norm", watched)
        for image in images:
            reference.vitmatte(image, own, config)
    assert len(calls) == len(norms) * len(images)
    for layer in range(len(norms)):
        of_all_pictures = calls[layer :: len(norms)]
        x, (_, w, epsilon) = np.concatenate([x for x, _, _ in of_all_pictures]), of_all_pictures[0]
        y, variance = batch_norm(x, w | {"weight": 1, "bias": 0}, epsilon), x.var(axis=0)
        assert_within(y.mean(axis=0), np.zeros(y.shape[1]), 1e-9)
        assert_within(y.var(axis=0), variance / (variance + epsilon), 1e-9)
    for name, tensor in before.items():
        np.testing.assert_array_equal(tensors[name], tensor)


def test_the_average_moves_a_tenth_and_remembers_the_unbiased_variance():
    """Of four pixels: their variance times 4 / 3."""
    weights = {"n.running_mean": np.array([1.0]), "n.running_var": np.array([2.0]), "n.weight": np.array([5.0])}
    own = {"n.running_mean": np.array([11.0]), "n.running_var": np.array([3.0])}
    update_running_statistics(weights, own, {"n.": 4})
    assert_within(weights["n.running_mean"], [2.0], 1e-15)
    assert_within(weights["n.running_var"], [0.9 * 2 + 0.1 * 4], 1e-15)
    assert weights["n.weight"] == 5
