"""``trace`` and ``compare`` as a user meets them; what they refuse is in ``bad_inputs/traces.py``."""

import io
import shutil
import sys

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file
from support.command_line import assert_refused, run
from support.matting_job import PHOTO, TRIMAP

from numpy_vitmatte.processing.hustvl import HustvlImageProcessor
from numpy_vitmatte.runtime.precision import used_precision
from numpy_vitmatte.tracing import compare_traces, read_trace, save_trace, trace

LAYER = "backbone.encoder.layer.1.mlp"


@pytest.fixture(scope="module")
def layers(lively_checkpoint):
    return trace(PHOTO, TRIMAP, lively_checkpoint)


def run_trace(capsys, *arguments, photo="photo.png", output="trace.safetensors"):
    return run(capsys, "trace", photo, "trimap.png", "-o", output, "--model", "checkpoint", *arguments)


def changed(layers, **changes):
    return {name: array for name, array in (layers | changes).items() if array is not None}


def test_trace_writes_what_python_gives(folder, capsys, layers):
    status, out, err = run_trace(capsys)
    assert (status, out) == (0, "trace.safetensors\n")
    assert err == ["numpy-vitmatte: trace: 23 layers, 0.5 MB"]
    found = read_trace("trace.safetensors")
    assert list(found) == list(layers)
    for name, array in layers.items():
        np.testing.assert_array_equal(found[name], array, err_msg=name)


def test_fine_quiet_verbose_force(folder, capsys, layers):
    assert run_trace(capsys, "--quiet")[2] == []
    assert_refused(run_trace(capsys, "--fine"), "'trace.safetensors' exists already")
    status, _, err = run_trace(capsys, "--fine", "--force", "--verbose")
    assert status == 0
    assert "backbone.encoder.layer.1.attention.qkv: (1, 16, 24, 18)" in "".join(err)
    assert len(read_trace("trace.safetensors")) > len(layers)


def test_a_photo_from_a_pipe_as_the_authors_preprocess_it(folder, capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO((folder / "photo.png").read_bytes())))
    assert run_trace(capsys, "--profile", "hustvl", photo="-")[0] == 0
    found, expected = (
        read_trace("trace.safetensors"),
        trace(PHOTO, TRIMAP, "checkpoint", processor=HustvlImageProcessor()),
    )
    assert list(found) == list(expected)
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array, err_msg=name)


@pytest.mark.parametrize("precision", ["high", "medium"])
def test_a_precision_and_how_far_it_lies_from_float32(folder, capsys, layers, precision):
    """Both in the file and in the report, which says where this processor would not compute like that."""
    status, _, err = run_trace(capsys, "--precision", precision, "--verbose")
    found = read_trace("trace.safetensors")
    distances = [
        f"from float32: {layer.difference:7.1e}  {layer.name}" for layer in compare_traces(layers, found).layers
    ]
    assert status == 0
    assert [line.removeprefix("numpy-vitmatte: ") for line in err if "from float32: " in line] == distances
    assert distances[0] == "from float32: 0.0e+00  pixel_values"
    used = used_precision(precision)
    assert (f"numpy-vitmatte: precision: on this processor alphas are computed in {used!r}" in err) == (
        used != precision
    )
    with safe_open("trace.safetensors", "numpy") as file:
        assert file.metadata()["precision"] == precision
    shown = run_trace(capsys, "--precision", precision, "--force")[2]
    assert shown == [line for line in err if "float32: " not in line and ": (" not in line]
    assert "and alphas by up to" in shown[-1]
    assert run_trace(capsys, "--precision", precision, "--force", "--quiet")[2] == []


def test_output_that_is_the_input(folder, capsys):
    shutil.copy("photo.png", "photo.safetensors")
    result = run_trace(capsys, "--force", photo="photo.safetensors", output="photo.safetensors")
    assert_refused(result, "'photo.safetensors' is an input as well")


def test_equal_traces(folder, capsys, layers):
    save_trace("a.safetensors", layers)
    expected = "23 layers agree within 0.0001 of their size; the largest difference is 0\n"
    assert run(capsys, "compare", "a.safetensors", "a.safetensors") == (0, expected, [])


def test_rounding_agrees(folder, capsys, layers):
    save_trace("a.safetensors", layers)
    save_trace("b.safetensors", changed(layers, **{LAYER: layers[LAYER] * np.float32(1 + 1e-5)}))
    status, out, err = run(capsys, "compare", "a.safetensors", "b.safetensors")
    assert (status, err) == (0, [])
    assert out.startswith("23 layers agree within 0.0001 of their size; the largest difference is ")
    assert out.endswith(f", in {LAYER}\n")
    assert run(capsys, "compare", "a.safetensors", "b.safetensors", "--tolerance", "1e-7")[0] == 1


def test_first_difference(folder, capsys, layers):
    """Two lines: the layer with its numbers, and how many lie before and differ behind."""
    other = layers[LAYER].copy()
    other[0, 2, 3, 1] += 1
    save_trace("a.safetensors", layers)
    save_trace("b.safetensors", changed(layers, **{LAYER: other, "alphas": 1 - layers["alphas"]}))
    status, out, err = run(capsys, "compare", "a.safetensors", "b.safetensors")
    assert (status, err) == (1, [])
    first, second = out.splitlines()
    assert first.startswith(f"first difference: {LAYER}: largest difference 1 at (0, 2, 3, 1): ")
    assert first.endswith(f"1 of {other.size} values are beyond the tolerance")
    before = list(layers).index(LAYER)
    assert second == (
        f"{before} layers before it agree within 0.0001 of their size; of {22 - before} after it 1 differ"
    )
    verbose = run(capsys, "compare", "a.safetensors", "b.safetensors", "--verbose")
    assert verbose[:2] == (1, out)
    lines = verbose[2]
    assert len(lines) == 23
    assert lines[0] == "numpy-vitmatte: agrees  pixel_values: equal"
    assert lines[before].startswith(f"numpy-vitmatte: differs {LAYER}: largest difference 1 at ")


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (None, "missing in the second"),
        (np.zeros((1, 6), np.float32), "in the first, (1, 6) in the second"),
        (np.float32(np.nan), "nan in the second; "),
    ],
)
def test_missing_misshapen_nan(folder, capsys, layers, change, text):
    if change is not None and change.ndim == 0:
        change = np.full_like(layers[LAYER], change)
    save_trace("a.safetensors", layers)
    save_trace("b.safetensors", changed(layers, **{LAYER: change}))
    status, out, _ = run(capsys, "compare", "a.safetensors", "b.safetensors")
    assert status == 1
    assert out.startswith(f"first difference: {LAYER}: ")
    assert text in out


def test_common(folder, capsys, layers):
    """A port's file with two layers, without metadata."""
    save_trace("a.safetensors", layers)
    save_file({name: np.ascontiguousarray(layers[name]) for name in (LAYER, "alphas")}, "b.safetensors")
    status, out, _ = run(capsys, "compare", "a.safetensors", "b.safetensors")
    assert (status, out.splitlines()[0]) == (1, "first difference: pixel_values: missing in the second")
    assert run(capsys, "compare", "a.safetensors", "b.safetensors", "--common")[:2] == (
        0,
        "2 layers agree within 0.0001 of their size; the largest difference is 0\n",
    )
