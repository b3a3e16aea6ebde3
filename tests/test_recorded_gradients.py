"""The reference's gradient against PyTorch's, recorded: parity where PyTorch is not installed."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from support.record_gradients import CONFIG, RECORDING, example

from numpy_vitmatte import reference
from numpy_vitmatte.reference_backward import vitmatte_backward
from numpy_vitmatte.testing import assert_within
from numpy_vitmatte.training.batch_statistics import own_statistics


@pytest.fixture(scope="module")
def recording():
    """Gradients by name, and the versions they were computed with."""
    with safe_open(RECORDING, "numpy") as file:
        versions = json.loads(file.metadata()["versions"])
        return {name: file.get_tensor(name) for name in file.keys()}, versions  # noqa: SIM118 - not a mapping


def test_the_recording_says_where_it_comes_from(recording):
    """Versions, and small enough for a repository."""
    assert set(recording[1]) == {"torch", "transformers"}
    assert RECORDING.stat().st_size < 200_000


@pytest.mark.parametrize("mode", ["stored", "own"])
def test_every_gradient(recording, mode):
    """Two float64 computations: 1e-11 of a tensor's largest gradient; measured 1e-14."""
    tensors, image, cotangent = example()
    kept, training = {}, mode == "own"
    reference.vitmatte(image, tensors, CONFIG, kept.setdefault)
    if training:
        (tensors, _), kept = own_statistics(image, kept, tensors, CONFIG), {}
        reference.vitmatte(image, tensors, CONFIG, kept.setdefault)
    dimage, dw = vitmatte_backward(cotangent, image, tensors, CONFIG, kept, training)
    own, expected = dw | {"image": dimage}, reference.under(recording[0], f"{mode}/")
    assert set(own) == set(expected)
    for name, gradient in expected.items():
        without_effect = training and name == "decoder.matting_head.matting_convs.0.bias"  # the mean is taken out
        bound = 1e-11 * (np.abs(cotangent).sum() if without_effect else np.abs(gradient).max())
        assert_within(own[name], gradient, bound, f"{mode} statistics, {name}")


def test_statistics_make_a_difference(recording):
    """A recording in which they did not would hide a batch norm that takes its own for constants."""
    first = reference.under(recording[0], "stored/backbone."), reference.under(recording[0], "own/backbone.")
    for name, gradient in first[0].items():
        assert np.abs(gradient - first[1][name]).max() > 0.1 * np.abs(gradient).max(), name


def test_the_tutorial_quotes_the_recording(recording):
    """Its numbers, their places and the versions it names are those of the file."""
    path = Path(__file__).resolve().parent.parent / "tutorials/08-backwards-by-hand.ipynb"
    cells = ["".join(cell["source"]) for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]]
    quoted = re.findall(r'^    "([\w.]+)": \(\(([\d, ]+)\), (-?[\d.]+)\),$', "\n".join(cells), re.MULTILINE)
    assert len(quoted) == 12
    for name, place, number in quoted:
        gradient = recording[0][f"stored/{name}"]
        at = tuple(int(index) for index in place.split(",") if index.strip())
        assert float(number) == gradient[at]
        assert abs(float(number)) == np.abs(gradient).max()
    for package, version in (("PyTorch", recording[1]["torch"]), ("transformers", recording[1]["transformers"])):
        assert f"{package} {'.'.join(version.split('.')[:2])}" in " ".join(cells)


@pytest.mark.parity
def test_the_recording_is_what_pytorch_computes_today(recording, tmp_path):
    """Recording anew gives the same, to rounding."""
    reason = "the [parity] extra is not installed; the recording is replayed, not renewed"
    pytest.importorskip("torch", reason=reason)
    pytest.importorskip("transformers", reason=reason)
    from support.record_gradients import record

    record(tmp_path / "again.safetensors")
    with safe_open(tmp_path / "again.safetensors", "numpy") as file:
        again = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
    assert set(again) == set(recording[0])
    largest = max(np.abs(gradient).max() for gradient in recording[0].values())
    for name, gradient in recording[0].items():
        assert_within(again[name], gradient, 1e-12 * largest, name)
