"""Reading a checkpoint: every stored type, every tensor checked, all faults told at once."""

import math
import os
import shutil

import numpy as np
import pytest
from support.checkpoint_folders import CONFIG, COUNTER, QKV, refusal
from support.example_configs import NETWORKS, with_backbone
from support.processes import run_python
from support.safetensors_files import assert_same, file_bytes, stored_as, tensors_bytes, write_file

from numpy_vitmatte.checkpoint.tensor_shapes import batch_counter_names, parameter_shapes
from numpy_vitmatte.checkpoint.weights import read_tensors, write_checkpoint
from numpy_vitmatte.configuration import VitMatteConfig
from numpy_vitmatte.model import VitMatteForImageMatting, load_packed
from numpy_vitmatte.testing import random_checkpoint

VARIANCE = "decoder.convstream.convs.0.batch_norm.running_var"


def test_round_trip(tensors, tmp_path):
    directory = tmp_path / "new" / "folder"
    write_checkpoint(directory, CONFIG, tensors)
    assert_same(read_tensors(directory, VitMatteConfig.from_pretrained(directory)), tensors)
    assert sorted(path.name for path in directory.iterdir()) == ["config.json", "model.safetensors"]


@pytest.mark.parametrize("dtype", ["F16", "BF16", "F64"])
def test_other_stored_types(dtype, tensors, tmp_path):
    write_file(tmp_path / "model.safetensors", tensors, dtype)
    found = read_tensors(tmp_path, CONFIG)
    step = {"F16": 2.0**-11, "BF16": 2.0**-7, "F64": 0}[dtype]
    for name, tensor in tensors.items():
        assert found[name].dtype == np.float32
        np.testing.assert_allclose(found[name], tensor, rtol=step, atol=0)


@pytest.mark.skipif(os.name != "posix", reason="Windows lets nobody change a file that was mapped")
def test_nothing_depends_on_the_file_once_it_is_read(tensors, tmp_path):
    write_checkpoint(tmp_path, CONFIG, tensors)
    found = read_tensors(tmp_path, CONFIG)
    file = tmp_path / "model.safetensors"
    with file.open("r+b") as same_file:
        same_file.write(bytes(file.stat().st_size))
    assert_same(found, tensors)
    os.truncate(file, 0)  # touching what was mapped would now end the process
    assert_same(found, tensors)
    assert not any(tensor.flags.writeable for tensor in found.values())


def arrays_in(parameters):
    """Every array in nested tuples and objects."""
    if isinstance(parameters, np.ndarray):
        yield parameters
    elif isinstance(parameters, tuple) or hasattr(parameters, "__dict__"):
        for part in parameters if isinstance(parameters, tuple) else vars(parameters).values():
            yield from arrays_in(part)


def test_a_packed_network_shares_no_memory_with_its_tensors(tmp_path):
    tensors = random_checkpoint(CONFIG)
    network = VitMatteForImageMatting(CONFIG, tensors).network()
    packed = list(arrays_in(network))
    assert len(packed) > 50
    assert not [name for name, tensor in tensors.items() for array in packed if np.shares_memory(array, tensor)]


def test_a_model_that_only_computes_keeps_no_tensors(lively_checkpoint):
    model = load_packed(lively_checkpoint)
    assert (model.tensors, model.weights_in_memory, model.directory) == ({}, 0, lively_checkpoint)


@pytest.mark.skipif(os.name != "posix", reason="Windows lets nobody change a file that was mapped")
@pytest.mark.parametrize("damage", ["rewritten", "truncated"])
def test_a_loaded_model_does_not_depend_on_its_file(lively_checkpoint, tmp_path, damage):
    """Neither its alphas nor what it writes; in a process of its own, which SIGBUS would end."""
    shutil.copytree(lively_checkpoint, tmp_path / "loaded")
    expected = (tmp_path / "loaded/model.safetensors").read_bytes()
    run_python("-c", f"""
import os, numpy as np
from pathlib import Path
from numpy_vitmatte.model import VitMatteForImageMatting, load_packed
from numpy_vitmatte.testing import random_pixels
model, pixels = VitMatteForImageMatting.from_pretrained("loaded"), random_pixels(1, 4, 32, 32)
packed = load_packed(Path("loaded"))
before = model(pixels).alphas
with open("loaded/model.safetensors", "r+b") as file:
    file.write(bytes({len(expected)}))
    file.truncate({len(expected) if damage == "rewritten" else 0})
assert (model(pixels).alphas == before).all()
assert (packed(pixels).alphas == before).all()
model.save_pretrained("saved")
""", cwd=tmp_path)  # fmt: skip
    assert (tmp_path / "saved/model.safetensors").read_bytes() == expected


def test_counters_are_optional_and_ignored(tensors, tmp_path):
    counters = {name: ("I64", np.array(7)) for name in batch_counter_names(CONFIG)}
    stored = {name: stored_as("F32", tensor) for name, tensor in tensors.items()}
    (tmp_path / "model.safetensors").write_bytes(tensors_bytes(stored | counters))
    assert_same(read_tensors(tmp_path, CONFIG), tensors)


def test_cut_in_half(tensors, tmp_path):
    write_checkpoint(tmp_path, CONFIG, tensors)
    file = tmp_path / "model.safetensors"
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    assert f"model.safetensors is damaged or cut off at {len(whole) // 2} bytes" in refusal(tmp_path)


def broken(tensors):
    """Every kind of fault at once, two of some; and the message of each."""
    stored = {name: stored_as("F32", tensor) for name, tensor in tensors.items()}
    not_finite = tensors[QKV].copy()
    not_finite[0, :3] = np.nan, np.inf, -np.inf
    del stored["backbone.embeddings.projection.bias"], stored["decoder.matting_head.matting_convs.3.weight"]
    stored[QKV] = stored_as("F32", not_finite)
    stored[VARIANCE] = stored_as("F32", -tensors[VARIANCE])
    stored[COUNTER] = ("I64", np.arange(2))
    stored["backbone.embeddings.position_embeddings"] = stored_as("F32", np.ones((1, 5, 6), np.float32))
    stored["backbone.encoder.layer.0.norm1.bias"] = ("I64", np.arange(6))
    stored["backbone.pooler.weight"] = stored_as("F32", np.ones(3, np.float32))
    return stored, [
        "2 missing: backbone.embeddings.projection.bias, decoder.matting_head.matting_convs.3.weight",
        "1 unexpected: backbone.pooler.weight",
        "2 misshapen: backbone.embeddings.position_embeddings is (1, 5, 6), expected (1, 10, 6), "
        f"{COUNTER} is (2,), expected ()",
        "1 not floating point: backbone.encoder.layer.0.norm1.bias (I64)",
        f"1 not finite: {QKV} (3 of 108 values)",
        f"1 negative variance: {VARIANCE}",
    ]


def test_every_fault_in_one_message(tensors, tmp_path):
    stored, faults = broken(tensors)
    (tmp_path / "model.safetensors").write_bytes(tensors_bytes(stored))
    message = refusal(tmp_path)
    assert message.startswith(f"the weights in {tmp_path} do not fit the configuration: ")
    for fault in faults:
        assert fault in message
    assert len(message) < 1000


@pytest.mark.parametrize(
    "name", [QKV, "decoder.matting_head.matting_convs.3.bias", "backbone.encoder.layer.1.residual.norm3.weight"]
)
def test_one_tensor_missing(name, tensors, tmp_path):
    del tensors[name]
    write_file(tmp_path / "model.safetensors", tensors)
    assert refusal(tmp_path).endswith(f"do not fit the configuration: 1 missing: {name}")


def test_only_the_first_few_are_named(tensors, tmp_path):
    norms = [name for name in tensors if ".norm1." in name]
    write_file(tmp_path / "model.safetensors", {name: tensors[name] for name in tensors if name not in norms})
    assert f"{len(norms)} missing: {', '.join(norms[:4])} and {len(norms) - 4} more" in refusal(tmp_path)


def test_overflow_from_float64(tensors, tmp_path):
    stored = {name: stored_as("F64", tensor) for name, tensor in tensors.items()}
    stored[QKV][1][3, 3] = 1e60
    (tmp_path / "model.safetensors").write_bytes(tensors_bytes(stored))
    assert refusal(tmp_path).endswith(f"1 not finite: {QKV} (1 of 108 values)")


@pytest.mark.parametrize(
    ("name", "asked", "sentence"),
    [
        ("base", "small", "those of a 768-wide, 12-block ViTMatte-B, but the configuration says 384 wide, 12 blocks"),
        ("small", "tiny", "those of a 384-wide, 12-block ViTMatte-S, but the configuration says 6 wide, 3 blocks"),
        ("tiny", "small", "those of a 6-wide, 3-block network, but the configuration says 384 wide, 12 blocks"),
    ],
)
def test_weights_of_another_network(name, asked, sentence, tmp_path):
    # Their shapes alone tell; the values are the zeros of a sparse file, so that nothing large is written.
    header, end = {}, 0
    for key, shape in parameter_shapes(NETWORKS[name]).items():
        begin, end = end, end + 4 * math.prod(shape)
        header[key] = {"dtype": "F32", "shape": shape, "data_offsets": [begin, end]}
    content = file_bytes(header)
    (tmp_path / "model.safetensors").write_bytes(content)
    os.truncate(tmp_path / "model.safetensors", len(content) + end)
    message = refusal(tmp_path, NETWORKS[asked])
    assert f"the tensors are {sentence}: take the config.json that belongs to these weights" in message


def test_another_window_is_told_by_its_tables(tensors, tmp_path):
    write_checkpoint(tmp_path, CONFIG, tensors)
    message = refusal(tmp_path, with_backbone(CONFIG, window_size=4))
    assert "4 misshapen: backbone.encoder.layer.0.attention.rel_pos_h is (5, 3), expected (7, 3)" in message
