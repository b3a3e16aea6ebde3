"""Names of a checkpoint's files, the same in a directory and on the hub, and the index of weights in shards."""

import re
from pathlib import Path

from numpy_vitmatte.errors import CheckpointError, shown
from numpy_vitmatte.files.json_object import read_json_object

CONFIG_FILE = "config.json"
PREPROCESSOR_FILE = "preprocessor_config.json"
WEIGHTS_FILE = "model.safetensors"
INDEX_FILE = "model.safetensors.index.json"
PICKLE_FILE = "pytorch_model.bin"

WEIGHTS = "weights"
"""Stands for whichever files hold the tensors: one, an index and its shards, or a pickle."""

EVERYTHING = (CONFIG_FILE, PREPROCESSOR_FILE, WEIGHTS)

_PLAIN_NAME = re.compile(r"[\w.-]{1,200}\.safetensors", re.ASCII)


def read_weight_map(path: Path) -> dict[str, str]:
    """Read an index: tensor name -> name of the shard that holds it.

    Raises
    ------
    CheckpointError
        If it cannot be read, or names anything but ``.safetensors`` files in its own folder.
    """
    weight_map = read_json_object(path, CheckpointError).get("weight_map")
    if not isinstance(weight_map, dict):
        raise CheckpointError(f"{path} must hold a JSON object with tensor -> file names under 'weight_map'")
    for file in weight_map.values():
        # A shard lies in its index's folder; anything else would let an index reach into other folders.
        if not isinstance(file, str) or not _PLAIN_NAME.fullmatch(file):
            raise CheckpointError(
                f"{path} names the shard {shown(file)}, which is no plain name of a .safetensors file"
            )
    return weight_map
