"""What the files of a checkpoint are called, in a directory as on the hub, and the index of weights in shards."""

import json
import re
from pathlib import Path

from numpy_vitmatte.errors import CheckpointError

CONFIG_FILE = "config.json"
PREPROCESSOR_FILE = "preprocessor_config.json"
WEIGHTS_FILE = "model.safetensors"
INDEX_FILE = "model.safetensors.index.json"
PICKLE_FILE = "pytorch_model.bin"

WEIGHTS = "weights"
"""Stands for whichever files hold the tensors: one, an index and its shards, or a pickle."""

EVERYTHING = (CONFIG_FILE, PREPROCESSOR_FILE, WEIGHTS)

_PLAIN_NAME = re.compile(r"[\w.-]+\.safetensors")


def read_weight_map(path: Path) -> dict[str, str]:
    """Read an index: tensor name -> name of the shard that holds it.

    Raises
    ------
    CheckpointError
        If it cannot be read, or names anything but ``.safetensors`` files beside it.
    """
    try:
        weight_map = json.loads(path.read_bytes())["weight_map"]
        files = set(weight_map.values())
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError(f"{path} cannot be read as JSON: {error}") from None
    except (TypeError, KeyError, AttributeError):
        raise CheckpointError(f"{path} must hold a JSON object with tensor -> file names under 'weight_map'") from None
    for file in files:
        # A shard lies beside its index; anything else would let an index reach into other folders.
        if not isinstance(file, str) or not _PLAIN_NAME.fullmatch(file):
            raise CheckpointError(f"{path} names the shard {file!r}, which is no plain name of a .safetensors file")
    return weight_map
