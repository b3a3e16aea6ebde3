"""The files of a checkpoint directory that hold its tensors: one, or shards with an index."""

from pathlib import Path

from numpy_vitmatte.checkpoint.safetensors_reader import StoredTensor, read_safetensors
from numpy_vitmatte.checkpoint.torch_files.reader import read_torch
from numpy_vitmatte.errors import CheckpointError, shown
from numpy_vitmatte.hub.file_names import INDEX_FILE, PICKLE_FILE, WEIGHTS_FILE, read_weight_map

# PyTorch's own files, under names that do not say what is in them.
_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt")


def stored_tensors(directory: Path) -> dict[str, StoredTensor]:
    """Map the weights of a checkpoint directory.

    ``model.safetensors`` is taken where there is one; else the shards named by ``model.safetensors.index.json``; else
    ``pytorch_model.bin``, whose pickle can build nothing but tensors here.

    Raises
    ------
    CheckpointError
        If there are none of these, or a file is damaged or contradicts the index.
    """
    if (directory / WEIGHTS_FILE).exists():
        return read_safetensors(directory / WEIGHTS_FILE)
    if (directory / INDEX_FILE).exists():
        return _read_shards(directory)
    if (directory / PICKLE_FILE).exists():
        return read_torch(directory / PICKLE_FILE)
    pickles = sorted(path.name for pattern in _PICKLES for path in directory.glob(pattern))
    if pickles:
        raise CheckpointError(
            f"{directory} holds no {WEIGHTS_FILE}, only {', '.join(pickles)}: convert that once, with "
            "numpy-vitmatte convert FILE OUT_DIR"
        )
    raise CheckpointError(f"{directory} holds no weights: neither {WEIGHTS_FILE} nor {INDEX_FILE}")


def _read_shards(directory: Path) -> dict[str, StoredTensor]:
    weight_map = read_weight_map(directory / INDEX_FILE)
    tensors: dict[str, StoredTensor] = {}
    promised: dict[str, set[str]] = {}
    for name, file in weight_map.items():
        promised.setdefault(file, set()).add(name)
    for shard, names in sorted(promised.items()):
        path = directory / shard
        if not path.is_file():
            raise CheckpointError(f"{path} is missing, though {INDEX_FILE} names it")
        found = read_safetensors(path)
        if found.keys() != names:
            name = min(found.keys() ^ names)
            fault = "holds" if name in found else "does not hold"
            raise CheckpointError(f"{path} {fault} tensor {shown(name)}, against what {INDEX_FILE} says")
        tensors |= found
    return tensors
