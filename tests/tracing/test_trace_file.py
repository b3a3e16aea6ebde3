"""A trace's file: what is in it, and what is refused."""

import json
import os

import numpy as np
import pytest
from safetensors import safe_open
from support.safetensors_files import file_bytes, stored_as, tensors_bytes

import numpy_vitmatte
from numpy_vitmatte.errors import VitMatteError
from numpy_vitmatte.tracing import read_trace, save_trace

LAYERS = {
    "pixel_values": np.arange(24, dtype=np.float32).reshape(1, 4, 3, 2),
    "backbone.embeddings": np.arange(6, dtype=np.float32).reshape(1, 6, 1, 1),
    "alphas": np.full((1, 1, 3, 2), 0.25, np.float32),
}


def test_round_trip(tmp_path):
    path = tmp_path / "trace.safetensors"
    save_trace(path, dict(reversed(LAYERS.items())))
    found = read_trace(path)
    assert list(found) == list(LAYERS)
    for name, array in LAYERS.items():
        np.testing.assert_array_equal(found[name], array, strict=True)
    assert os.listdir(tmp_path) == ["trace.safetensors"]


def test_what_the_file_says_of_itself(tmp_path):
    """Read with the safetensors library, as a porter's tool would."""
    save_trace(tmp_path / "trace.safetensors", LAYERS, "medium")
    with safe_open(tmp_path / "trace.safetensors", "numpy") as file:
        metadata = file.metadata()
        assert {name: file.get_slice(name).get_dtype() for name in file.keys()} == dict.fromkeys(LAYERS, "F32")  # noqa: SIM118
    assert set(metadata) == {"format", "numpy_vitmatte", "precision", "layers"}
    assert metadata["precision"] == "medium"
    assert metadata["format"] == "numpy-vitmatte trace 1"
    assert metadata["numpy_vitmatte"] == numpy_vitmatte.__version__
    assert json.loads(metadata["layers"]) == [
        ["pixel_values", [1, 4, 3, 2]],
        ["backbone.embeddings", [1, 6, 1, 1]],
        ["alphas", [1, 1, 3, 2]],
    ]


def test_any_memory_layout(tmp_path):
    turned = LAYERS["pixel_values"].transpose(0, 2, 3, 1)
    save_trace(tmp_path / "trace.safetensors", {"pixel_values": turned.astype(np.float64)})
    np.testing.assert_array_equal(read_trace(tmp_path / "trace.safetensors")["pixel_values"], turned)


@pytest.mark.parametrize("dtype", ["F16", "BF16", "F32", "F64"])
def test_other_tools_files(dtype, tmp_path):
    """Half precision and double, without metadata; the numbers fit all of them."""
    path = tmp_path / "port.safetensors"
    path.write_bytes(tensors_bytes({name: stored_as(dtype, array) for name, array in LAYERS.items()}))
    found = read_trace(path)
    for name, array in LAYERS.items():
        np.testing.assert_array_equal(found[name], array, strict=True)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read: .*No such file"),
        (b"", "cut off: it has 0 bytes"),
        (b"PK\x03\x04 and so on", "It is a zip archive"),
        (file_bytes({}), "holds no arrays; expected the outputs of a network's layers"),
        (tensors_bytes({"alphas": stored_as("F32", LAYERS["alphas"])})[:-1], "cut off"),
        (tensors_bytes({"alphas": stored_as("I64", LAYERS["alphas"])}), "alphas is of type I64; expected F32, F16"),
        (file_bytes(b"no json"), "damaged or cut off"),
    ],
)
def test_refused(content, message, tmp_path):
    path = tmp_path / "port.safetensors"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(VitMatteError, match=message):
        read_trace(path)


def test_full_disk(tmp_path, monkeypatch):
    """What stood there stays, and nothing else is left."""

    def disk_is_full(descriptor):
        raise OSError(28, "No space left on device")

    path = tmp_path / "trace.safetensors"
    save_trace(path, LAYERS)
    monkeypatch.setattr(os, "fsync", disk_is_full)
    with pytest.raises(VitMatteError, match=r"trace .*trace.safetensors' cannot be written: No space left on device$"):
        save_trace(path, {"alphas": LAYERS["alphas"]})
    assert os.listdir(tmp_path) == ["trace.safetensors"]
    assert len(read_trace(path)) == 3


def test_no_such_folder(tmp_path):
    with pytest.raises(VitMatteError, match="cannot be written: No such file or directory"):
        save_trace(tmp_path / "nowhere" / "trace.safetensors", LAYERS)
