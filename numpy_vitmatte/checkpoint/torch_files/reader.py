"""Read what ``torch.save`` writes, without PyTorch and without running what a pickle asks for.

The file is a zip archive: ``NAME/data.pkl`` describes the tensors, ``NAME/data/KEY`` holds the bytes of each *storage*,
of which a tensor is a strided view (PyTorch, ``torch/serialization.py`` and ``torch/_utils.py``). Every size that the
file states is held against the size it has, so that a small file cannot ask for much memory.
"""

import math
from pathlib import Path
from typing import Any

import numpy as np

from numpy_vitmatte.checkpoint.safetensors_reader import StoredTensor, hint_of_other_format
from numpy_vitmatte.checkpoint.torch_files.stored_zip import StoredZip, open_stored_zip
from numpy_vitmatte.checkpoint.torch_files.tensor_pickle import Storage, TensorView, read_tensor_pickle
from numpy_vitmatte.errors import CheckpointError

_ITEM_BYTES = {"F64": 8, "I64": 8, "F32": 4, "I32": 4, "F16": 2, "BF16": 2, "I16": 2, "I8": 1, "U8": 1, "BOOL": 1}

# ViTMatte-B's has 60 000 bytes, three times as many with an optimizer's state. A byte can make an object of 64 bytes.
_LONGEST_PICKLE = 1_000_000

# The file's bytes may be shared by tensors so often on average: tied weights share, but a thousandfold is an attack.
_MOST_SHARING = 4

# ViTMatte's longest has 60 characters; messages show names.
_LONGEST_NAME = 200

_WRAPPERS = ("model", "state_dict", "params")
_DEEPEST_WRAPPERS = 4


def read_torch(path: Path) -> dict[str, StoredTensor]:
    """Read the tensors of a ``.bin``, ``.pt`` or ``.pth`` file.

    Dictionaries around them, as trainers write (``{"model": {...}}``), are opened.

    Parameters
    ----------
    path : pathlib.Path
        A file of PyTorch 1.6 or later.

    Returns
    -------
    dict of str to StoredTensor
        In the order of the file.

    Raises
    ------
    CheckpointError
        If the file is no such archive, is damaged, holds no dictionary of tensors, or its pickle asks for anything but
        tensors; the message names what.
    """
    _refuse_other_formats(path)
    with open_stored_zip(path) as archive:
        folder = _folder(archive)
        content = read_tensor_pickle(archive.read(folder + "data.pkl"), str(path))
        views = _named_views(content, path)
        total = sum(math.prod(view.shape) * _ITEM_BYTES[view.storage.dtype] for view in views.values())
        if total > _MOST_SHARING * archive.file_size:
            raise CheckpointError(
                f"{path} of {archive.file_size} bytes is too small for its tensors, which take {total}"
            )
        storages = _Storages(archive, folder)
        return {
            name: _stored(view, storages.items(view.storage), f"{path}: tensor {name!r}")
            for name, view in views.items()
        }


def _refuse_other_formats(path: Path) -> None:
    try:
        with path.open("rb") as file:
            start = file.read(8)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error}") from None
    if start.startswith((b"version ", b"<")):
        raise CheckpointError(f"{path} is no file of torch.save{hint_of_other_format(start)}")
    if start.startswith(b"\x80"):
        raise CheckpointError(
            f"{path} is a pickle of before PyTorch 1.6, which is not read here; load and save it with a newer PyTorch"
        )


def _folder(archive: StoredZip) -> str:
    """``NAME/``, in which everything lies."""
    path, names = archive.path, archive.names
    pickles = [name for name in names if name.split("/")[1:] == ["data.pkl"]]
    if len(pickles) != 1:
        raise CheckpointError(f"{path} is a zip archive with {len(pickles)} data.pkl, where torch.save writes one")
    folder = pickles[0].removesuffix("data.pkl")
    for name in names:
        if not name.startswith(folder) or folder == "/" or ".." in name.split("/"):
            raise CheckpointError(f"{path} has a member {name!r:.100}, outside the one folder that torch.save writes")
    length = archive.size(pickles[0])
    if length > _LONGEST_PICKLE:
        raise CheckpointError(
            f"{path}: its data.pkl of {length} bytes is too long to describe tensors; save the state dict alone"
        )
    if folder + "byteorder" in names and archive.read(folder + "byteorder") != b"little":
        raise CheckpointError(f"{path} was written on a big-endian machine, which is not read here")
    return folder


class _Storages:
    """The storages of an archive, each read once."""

    def __init__(self, archive: StoredZip, folder: str) -> None:
        self.archive = archive
        self.folder = folder
        self.read: dict[str, np.ndarray] = {}

    def items(self, storage: Storage) -> np.ndarray:
        """Return its items, uninterpreted; an array of raw bytes (``V4`` for float32)."""
        if storage.key not in self.read:
            content = self.archive.read(f"{self.folder}data/{storage.key}")
            self.read[storage.key] = np.frombuffer(content, np.uint8)
        data = self.read[storage.key]
        promised = storage.length * _ITEM_BYTES[storage.dtype]
        if data.size != promised:
            raise CheckpointError(
                f"{self.archive.path} is damaged: storage {storage.key} has {data.size} bytes instead of {promised}"
            )
        return data.view(f"V{_ITEM_BYTES[storage.dtype]}")


def _stored(view: TensorView, items: np.ndarray, name: str) -> StoredTensor:
    """Return the view's own bytes, one after the other; copied only where they do not lie so."""
    if 0 in view.shape:
        return StoredTensor(view.storage.dtype, view.shape, np.empty(0, np.uint8))
    last = view.offset + sum((side - 1) * stride for side, stride in zip(view.shape, view.strides, strict=True))
    if last >= items.size:
        raise CheckpointError(f"{name} reaches beyond the {items.nbytes} bytes of its storage")
    if math.prod(view.shape) > items.size:
        raise CheckpointError(f"{name} of shape {view.shape} is larger than its storage")
    strides = tuple(stride * items.itemsize for stride in view.strides)
    seen = np.lib.stride_tricks.as_strided(items[view.offset :], view.shape, strides, writeable=False)
    return StoredTensor(view.storage.dtype, view.shape, np.ascontiguousarray(seen).reshape(-1).view(np.uint8))


def _named_views(content: Any, path: Path) -> dict[str, TensorView]:
    """Return the tensors inside all wrappers that trainers put around them; a loss or a step may stand next to one."""
    for _ in range(_DEEPEST_WRAPPERS):
        if not isinstance(content, dict):
            break
        inner = [content[key] for key in _WRAPPERS if isinstance(content.get(key), dict)]
        if not inner:
            break
        content = inner[0]
    found = {}
    if isinstance(content, dict):
        found = {name: value for name, value in content.items() if isinstance(value, TensorView)}
    if not found:
        raise CheckpointError(
            f"{path} holds no dictionary of tensors, such as torch.save(model.state_dict(), ...) writes"
        )
    for name in found:
        if not isinstance(name, str) or not name.isprintable() or len(name) > _LONGEST_NAME:
            raise CheckpointError(f"{path} has a tensor of the name {name!r:.100}, which is no line of text")
    return found
