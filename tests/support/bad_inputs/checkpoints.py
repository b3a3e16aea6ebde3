"""What ``--model`` refuses: folders that hold no checkpoint, or one that contradicts itself."""

import json
import shutil
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from support.bad_inputs.row import BadInput, content, directory, loop
from support.safetensors_files import file_bytes

CONFIG, PREPROCESSOR = "checkpoint/config.json", "checkpoint/preprocessor_config.json"
WEIGHTS = "checkpoint/model.safetensors"
QKV = "backbone.encoder.layer.0.attention.qkv.weight"

HUGE = {"dtype": "F32", "shape": [2**40, 2**40], "data_offsets": [0, 4]}


def _without(name: str):
    return lambda folder: (folder / name).unlink()


def _cut(name: str, share: float):
    def prepare(folder: Path) -> None:
        data = (folder / name).read_bytes()
        (folder / name).write_bytes(data[: int(len(data) * share)])

    return prepare


def _with_settings(name: str, **changes: object):
    def prepare(folder: Path) -> None:
        values = json.loads((folder / name).read_bytes())
        (folder / name).write_text(json.dumps(values | changes))

    return prepare


def _with_backbone(**changes: object):
    def prepare(folder: Path) -> None:
        values = json.loads((folder / CONFIG).read_bytes())
        values["backbone_config"] |= changes
        (folder / CONFIG).write_text(json.dumps(values))

    return prepare


def _with_tensors(change):
    """Write the weights again after a change to the mapping of names to arrays."""

    def prepare(folder: Path) -> None:
        tensors = load_file(folder / WEIGHTS)
        change(tensors)
        save_file(tensors, folder / WEIGHTS)

    return prepare


def _index(weight_map: object):
    def prepare(folder: Path) -> None:
        (folder / WEIGHTS).unlink()
        (folder / f"{WEIGHTS}.index.json").write_text(json.dumps({"weight_map": weight_map}))

    return prepare


def _nan(tensors) -> None:
    tensors[QKV].flat[0] = np.nan


def _as_integers(tensors) -> None:
    tensors[QKV] = tensors[QKV].astype(np.int32)


def _one_more(tensors) -> None:
    tensors["backbone.pooler.weight"] = np.ones(3, np.float32)


def _transposed(tensors) -> None:
    tensors[QKV] = np.ascontiguousarray(tensors[QKV].T)


def _checkpoint(kind: str, message: str, prepare) -> BadInput:
    return BadInput(kind, "matte photo.png trimap.png -o alpha.png --model checkpoint", message, prepare)


def _model(kind: str, model: str, message: str, prepare=None) -> BadInput:
    return BadInput(kind, f"matte photo.png trimap.png -o alpha.png --model {model}", message, prepare)


ROWS = [
    _model("model of an unknown name", "no-such-model", "'no-such-model' is neither a bundled checkpoint"),
    _model("model is a file", WEIGHTS, f"{WEIGHTS} is a file; a checkpoint is given by the directory that holds it"),
    _model("model is a loop of links", "loop", "'loop' is neither a bundled checkpoint", loop("loop")),
    _model("model is an empty folder", "empty", "empty/preprocessor_config.json: no such file", directory("empty")),
    _checkpoint("model has gone", "'checkpoint' is neither a bundled",
                lambda folder: shutil.rmtree(folder / "checkpoint")),
    _checkpoint("no config.json", "config.json: no such file", _without(CONFIG)),
    _checkpoint("config.json is a directory", "config.json cannot be read: Is a directory", directory(CONFIG)),
    _checkpoint("config.json is a loop of links", "config.json cannot be read: Too many levels", loop(CONFIG)),
    _checkpoint("config.json is empty", "config.json is not JSON: Expecting value at line 1", content(CONFIG, b"")),
    _checkpoint("config.json is cut off", "config.json is not JSON", _cut(CONFIG, 0.5)),
    _checkpoint("config.json is a list", "config.json must hold a JSON object, found a list", content(CONFIG, b"[]")),
    _checkpoint("config.json is no text", "config.json is not UTF-8 text", content(CONFIG, b'{"a": "\xff"}')),
    _checkpoint("config.json is nested without end", "nested too deeply", content(CONFIG, b"[" * 100_000)),
    _checkpoint("config.json of another model", "bert", _with_settings(CONFIG, model_type="bert")),
    _checkpoint("config.json with a word for a number", "hidden_size", _with_backbone(hidden_size="wide")),
    _checkpoint("config.json of a wider network",
                "the tensors are those of a 6-wide, 3-block network, but the configuration says 8 wide, 3 blocks",
                lambda folder: (_with_backbone(hidden_size=8)(folder), _with_settings(CONFIG, hidden_size=8)(folder))),
    _checkpoint("config.json of a network beyond any memory", "the configuration says 6 wide, 1000 blocks",
                _with_backbone(num_hidden_layers=1000, out_indices=[1000], out_features=["stage1000"],
                               stage_names=["stem", *(f"stage{n}" for n in range(1, 1001))])),
    _checkpoint("preprocessor_config.json is cut off", "preprocessor_config.json is not JSON", _cut(PREPROCESSOR, 0.5)),
    _checkpoint("preprocessor_config.json without a number", "image_std", _with_settings(PREPROCESSOR, image_std=0)),
    _checkpoint("preprocessor_config.json that pads without end", "size_divisor must be at most 1024, found 1000000",
                _with_settings(PREPROCESSOR, size_divisor=10**6)),
    _checkpoint("preprocessor_config.json with a number beyond all floats", "cannot be read: an integer of 401 digits",
                _with_settings(PREPROCESSOR, image_mean=10**400)),
    _checkpoint("config.json with a window beyond any memory", "window_size must be at most 128, found 1000000000",
                _with_backbone(window_size=10**9)),
    _checkpoint("no weights", "checkpoint holds no weights", _without(WEIGHTS)),
    _checkpoint("weights are a directory", "model.safetensors", directory(WEIGHTS)),
    _checkpoint("weights are a loop of links", "checkpoint holds no weights", loop(WEIGHTS)),
    _checkpoint("weights are empty", "is cut off: it has 0 bytes and no header", content(WEIGHTS, b"")),
    _checkpoint("weights are cut off", "model.safetensors is damaged or cut off at", _cut(WEIGHTS, 0.5)),
    _checkpoint("weights' header is cut off", "is cut off: its header ends at byte", _cut(WEIGHTS, 0.01)),
    _checkpoint("weights' header is no JSON", "is damaged or cut off at", content(WEIGHTS, file_bytes(b"{x}"))),
    _checkpoint("weights' header has no end", "promise a header of 18446744073709551615 bytes",
                content(WEIGHTS, b"\xff" * 40)),
    _checkpoint("weights claim a shape beyond any memory", "is damaged or cut off at",
                content(WEIGHTS, file_bytes({"x": HUGE}, b"1234"))),
    _checkpoint("weights are a Git LFS pointer", "It is a Git LFS pointer in place of the weights",
                content(WEIGHTS, b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n")),
    _checkpoint("weights are a web page", "It is a web page: download the file itself",
                content(WEIGHTS, b"<!DOCTYPE html><html>")),
    _checkpoint("a tensor is missing", f"1 missing: {QKV}", _with_tensors(lambda tensors: tensors.pop(QKV))),
    _checkpoint("a tensor too many", "1 unexpected: backbone.pooler.weight", _with_tensors(_one_more)),
    _checkpoint("a tensor of another shape", f"1 misshapen: {QKV} is (6, 18), expected (18, 6)",
                _with_tensors(_transposed)),
    _checkpoint("a tensor of integers", f"1 not floating point: {QKV} (I32)", _with_tensors(_as_integers)),
    _checkpoint("a tensor with NaN", f"1 not finite: {QKV} (1 of 108 values)", _with_tensors(_nan)),
    _checkpoint("index that is none", "must hold a JSON object with tensor -> file names", _index(["x"])),
    _checkpoint("index to another folder", "names the shard '../x.safetensors'", _index({"x": "../x.safetensors"})),
    _checkpoint("index without its shards", "is missing, though model.safetensors.index.json names it",
                _index({"x": "model-00001-of-00001.safetensors"})),
]  # fmt: skip
