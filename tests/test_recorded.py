"""Reference and model against results recorded from transformers: parity where PyTorch is not installed."""

import json

import numpy as np
import pytest
from safetensors import safe_open
from support.intermediates import assert_same, of_the_model
from support.record_activations import RECORDING

from numpy_vitmatte import reference
from numpy_vitmatte.configuration import VitMatteConfig
from numpy_vitmatte.model import VitMatteForImageMatting
from numpy_vitmatte.testing import assert_within, wide
from numpy_vitmatte.tracing.layer_order import network_order
from numpy_vitmatte.tracing.network import in_layout


@pytest.fixture(scope="module")
def recording():
    """Configuration, weights, pixels, transformers' results in the order they were computed, and its version."""
    with safe_open(RECORDING, "numpy") as file:
        about = json.loads(file.metadata()["about"])
        arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
    config = VitMatteConfig.from_dict(json.loads(about["config"]))
    tensors = reference.under(arrays, "tensors/")
    results = reference.under(arrays, "results/")
    results = {name: results[name] for name in network_order(results)}  # the file keeps them by the alphabet
    return config, tensors, arrays["pixels"], results, json.loads(about["versions"])


def test_recording_says_where_it_comes_from(recording):
    """Versions, and small enough for a repository."""
    assert set(recording[-1]) == {"torch", "transformers"}
    assert RECORDING.stat().st_size < 500_000


def test_recording_can_fail(recording):
    """Peaked attention, alphas between 0 and 1, two different pictures."""
    results = recording[3]
    assert max(value.max() for name, value in results.items() if name.endswith(".probabilities")) > 0.9
    alpha = results["alphas"]
    assert ((alpha > 0.02) & (alpha < 0.98)).mean() > 0.5
    assert np.abs(alpha[0] - alpha[1]).max() > 0.1


def test_reference(recording):
    """In float64, as recorded: 1e-12, for sums of some hundred terms of order 1."""
    config, tensors, pixels, results, _ = recording
    for index, picture in enumerate(pixels):
        kept = {}
        image = picture.transpose(1, 2, 0).astype(np.float64)
        reference.vitmatte(image, wide(tensors), config, kept.setdefault)
        for name, value in results.items():
            own = in_layout(name, kept[name])
            expected = value[index * len(own) : (index + 1) * len(own)]  # of windows there are several an image
            assert_within(own, expected, 1e-12 * max(1, np.abs(expected).max()), f"picture {index}, {name}")


def test_model(recording):
    """In float32, to the tolerances of the live comparison."""
    config, tensors, pixels, results, _ = recording
    model = VitMatteForImageMatting(config, tensors)
    assert_same(of_the_model(model, pixels), results)


@pytest.mark.parity
def test_recording_is_what_transformers_computes_today(recording, tmp_path):
    """Recording anew gives the same weights and, to rounding, the same results."""
    reason = "the [parity] extra is not installed; the recording is replayed, not renewed"
    pytest.importorskip("torch", reason=reason)
    pytest.importorskip("transformers", reason=reason)
    from support.record_activations import record

    record(tmp_path / "again.safetensors")
    with safe_open(tmp_path / "again.safetensors", "numpy") as file:
        again = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
    _, tensors, pixels, results, _ = recording
    np.testing.assert_array_equal(again["pixels"], pixels)
    assert set(again) == {f"tensors/{n}" for n in tensors} | {f"results/{n}" for n in results} | {"pixels"}
    for name, tensor in tensors.items():
        np.testing.assert_array_equal(again[f"tensors/{name}"], tensor)
    for name, value in results.items():
        assert_within(again[f"results/{name}"], value, 1e-12 * max(1, np.abs(value).max()), name)
