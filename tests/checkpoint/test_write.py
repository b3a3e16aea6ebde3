"""Writing a checkpoint: whole or not at all, and as transformers reads it."""

import json
import os
from dataclasses import replace

import numpy as np
import pytest
from safetensors import safe_open
from support.checkpoint_folders import CONFIG, COUNTER, QKV
from support.example_configs import NETWORKS, with_backbone
from support.safetensors_files import assert_same

from numpy_vitmatte.checkpoint.initialization import random_parameters
from numpy_vitmatte.checkpoint.tensor_shapes import batch_counter_names
from numpy_vitmatte.checkpoint.weights import read_tensors, write_checkpoint
from numpy_vitmatte.configuration import VitMatteConfig
from numpy_vitmatte.errors import CheckpointError, ConfigurationError

NEEDS_TRANSFORMERS = "compares with transformers, of the [parity] extra"


@pytest.mark.parametrize("fault", ["missing", "unexpected", "misshapen", "not finite"])
def test_nothing_is_written_of_tensors_that_do_not_fit(fault, tensors, tmp_path):
    if fault == "missing":
        del tensors[QKV]
    elif fault == "unexpected":
        tensors["another"] = tensors[QKV]
    elif fault == "misshapen":
        tensors[QKV] = tensors[QKV].T
    else:
        tensors[QKV][0] = np.nan
    with pytest.raises(CheckpointError, match=f"the tensors to be written do not fit the configuration: 1 {fault}"):
        write_checkpoint(tmp_path / "new", CONFIG, tensors)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name != "posix", reason="Windows replaces no file that is mapped")
def test_a_checkpoint_can_be_written_over_itself(tensors, tmp_path):
    write_checkpoint(tmp_path, CONFIG, tensors)
    mapped = read_tensors(tmp_path, CONFIG)
    write_checkpoint(tmp_path, CONFIG, {name: tensor * 2 for name, tensor in mapped.items()})
    assert_same(mapped, tensors)
    assert_same(read_tensors(tmp_path, CONFIG), {name: tensor * 2 for name, tensor in tensors.items()})


def test_any_layout_in_memory(tensors, tmp_path):
    write_checkpoint(
        tmp_path, CONFIG, {name: np.asfortranarray(tensor, np.float64) for name, tensor in tensors.items()}
    )
    assert_same(read_tensors(tmp_path, CONFIG), tensors)


def test_unwritable(tensors, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(CheckpointError, match="cannot be written"):
        write_checkpoint(tmp_path / "file", CONFIG, tensors)
    with pytest.raises(ConfigurationError, match="cannot be written"):
        write_checkpoint(tmp_path, replace(CONFIG, extra={"key": object()}), tensors)


def test_what_is_written_about_the_file(tensors, tmp_path):
    stale = {"torch_dtype": "float16", "dtype": "float16", "architectures": ["Another"], "id2label": {"0": "a"}}
    write_checkpoint(tmp_path, replace(CONFIG, extra=stale), tensors)
    written = json.loads((tmp_path / "config.json").read_text())
    assert written["architectures"] == ["VitMatteForImageMatting"]
    assert (written["model_type"], written["backbone_config"]["model_type"]) == ("vitmatte", "vitdet")
    assert (written["dtype"], written["id2label"]) == ("float32", {"0": "a"})
    assert "torch_dtype" not in written
    with safe_open(tmp_path / "model.safetensors", "numpy") as file:
        assert file.metadata() == {"format": "pt"}
        assert set(file.keys()) == {*tensors, *batch_counter_names(CONFIG)}
        assert file.get_tensor(COUNTER).dtype == np.int64
        assert file.get_tensor(COUNTER).shape == ()


@pytest.fixture
def model_class():
    pytest.importorskip("torch", reason=NEEDS_TRANSFORMERS)
    return pytest.importorskip("transformers", reason=NEEDS_TRANSFORMERS).VitMatteForImageMatting


@pytest.mark.parity
@pytest.mark.parametrize("name", [name for name in NETWORKS if name not in ("small", "base")])
def test_transformers_loads_what_is_written(name, model_class, tmp_path):
    tensors = random_parameters(NETWORKS[name], seed=3)
    # half precision in the backbone's own entry must not reach the float32 weights
    config = with_backbone(NETWORKS[name], extra={"dtype": "float16"})
    write_checkpoint(tmp_path, config, tensors)
    model, report = model_class.from_pretrained(tmp_path, output_loading_info=True)
    assert not any(report.values()), report
    loaded = {
        key: value.numpy() for key, value in model.state_dict().items() if not key.endswith("num_batches_tracked")
    }
    assert_same(loaded, tensors)


@pytest.mark.parity
@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16", "float64"])
@pytest.mark.parametrize("size", ["1MB", "8KB"], ids=["whole", "sharded"])
def test_reads_what_transformers_writes(dtype, size, model_class, tensors, tmp_path):
    import torch

    write_checkpoint(tmp_path / "ours", CONFIG, tensors)
    model = model_class.from_pretrained(tmp_path / "ours").to(getattr(torch, dtype))
    model.save_pretrained(tmp_path / "theirs", max_shard_size=size)
    assert (tmp_path / "theirs" / "model.safetensors").exists() == (size == "1MB")
    found = read_tensors(tmp_path / "theirs", VitMatteConfig.from_pretrained(tmp_path / "theirs"))
    state = model.float().state_dict()
    assert_same(found, {name: state[name].numpy() for name in tensors})
