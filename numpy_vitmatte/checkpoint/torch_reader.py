"""Read what ``torch.save`` writes, without PyTorch and without running what a pickle asks for.

The file is a zip archive: ``NAME/data.pkl`` describes the tensors, ``NAME/data/KEY`` holds the bytes of each *storage*,
of which a tensor is a strided view (PyTorch, ``torch/serialization.py`` and ``torch/_utils.py``). A pickle is a program
that may call anything by its name. The unpickler here knows a few names that build tensors and refuses every other, so
that nothing is ever called that this file does not define.
"""

import collections
import io
import math
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from numpy_vitmatte.checkpoint.safetensors_reader import StoredTensor
from numpy_vitmatte.errors import CheckpointError

# PyTorch's storage classes, under the names of the safetensors format.
_STORAGES = {
    "FloatStorage": "F32",
    "HalfStorage": "F16",
    "BFloat16Storage": "BF16",
    "DoubleStorage": "F64",
    "LongStorage": "I64",
    "IntStorage": "I32",
    "ShortStorage": "I16",
    "CharStorage": "I8",
    "ByteStorage": "U8",
    "BoolStorage": "BOOL",
}
_ITEM_BYTES = {"F64": 8, "I64": 8, "F32": 4, "I32": 4, "F16": 2, "BF16": 2, "I16": 2, "I8": 1, "U8": 1, "BOOL": 1}
_LONGEST_PICKLE = 100_000_000


class _StorageType(NamedTuple):
    dtype: str


class _Storage(NamedTuple):
    dtype: str
    key: str
    length: int


def read_torch(path: Path) -> dict[str, StoredTensor]:
    """Read the tensors of a ``.bin``, ``.pt`` or ``.pth`` file.

    Dictionaries around them, as trainers write (``{"model": {...}}``), are opened.

    Parameters
    ----------
    path : Path

    Returns
    -------
    dict of str to StoredTensor

    Raises
    ------
    CheckpointError
        If the file is no such archive, is damaged, holds no dictionary of tensors, or its pickle asks for anything but
        tensors; the message names what.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return _read_archive(archive, path)
    except zipfile.BadZipFile as error:
        raise CheckpointError(f"{path} is {_what_instead(path)}: {error}") from None
    except (OSError, EOFError, NotImplementedError) as error:
        raise CheckpointError(f"{path} cannot be read: {error}") from None


def _what_instead(path: Path) -> str:
    start = path.read_bytes()[:2] if path.stat().st_size < 1 << 31 else b""
    if start[:1] == b"\x80":
        return "a pickle of before PyTorch 1.6, which is not read here; load and save it with a newer PyTorch"
    return "no zip archive as torch.save writes it, or a truncated one"


def _read_archive(archive: zipfile.ZipFile, path: Path) -> dict[str, StoredTensor]:
    pickles = [info for info in archive.infolist() if info.filename.split("/")[1:] == ["data.pkl"]]
    if len(pickles) != 1:
        raise CheckpointError(f"{path} is a zip archive without a data.pkl as torch.save writes it")
    if pickles[0].file_size > _LONGEST_PICKLE:
        raise CheckpointError(f"{path}: its data.pkl of {pickles[0].file_size} bytes is too long to describe tensors")
    folder = pickles[0].filename.removesuffix("data.pkl")
    order = folder + "byteorder"
    if order in archive.namelist() and archive.read(order) != b"little":
        raise CheckpointError(f"{path} was written on a big-endian machine, which is not read here")
    content = _unpickle(archive.read(pickles[0]), path)
    data: dict[str, bytes] = {}

    def storage_bytes(storage: _Storage) -> bytes:
        if storage.key not in data:
            data[storage.key] = _member(archive, f"{folder}data/{storage.key}", path)
        return data[storage.key]

    return {name: tensor.stored(storage_bytes, f"{path}: tensor {name!r}") for name, tensor in _tensors(content, path)}


def _member(archive: zipfile.ZipFile, name: str, path: Path) -> bytes:
    try:
        info = archive.getinfo(name)
    except KeyError:
        raise CheckpointError(f"{path} is damaged: it has no {name}") from None
    if info.compress_type != zipfile.ZIP_STORED:
        raise CheckpointError(f"{path}: {name} is compressed, which torch.save never does")
    return archive.read(info)


class _Tensor(NamedTuple):
    """A view of a storage, sizes in items."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def stored(self, storage_bytes: Callable[[_Storage], bytes], name: str) -> StoredTensor:
        """Its own bytes, one after the other."""
        item = _ITEM_BYTES[self.storage.dtype]
        data = np.frombuffer(storage_bytes(self.storage), np.uint8)
        last = self.offset + sum((side - 1) * stride for side, stride in zip(self.shape, self.strides, strict=True))
        count = math.prod(self.shape)
        if count and (last + 1) * item > data.size:
            raise CheckpointError(f"{name} reaches beyond the {data.size} bytes of its storage")
        if count * item > data.size:
            raise CheckpointError(f"{name} of shape {self.shape} is larger than its storage")
        if count == 0:
            return StoredTensor(self.storage.dtype, self.shape, np.empty(0, np.uint8))
        items = data[: data.size // item * item].view(f"V{item}")[self.offset :]
        strides = tuple(stride * item for stride in self.strides)
        view = np.lib.stride_tricks.as_strided(items, self.shape, strides, writeable=False)
        return StoredTensor(self.storage.dtype, self.shape, np.ascontiguousarray(view).reshape(-1).view(np.uint8))


def _tensors(content: Any, path: Path) -> list[tuple[str, _Tensor]]:
    """Name and tensor of every entry, through dictionaries that hold nothing but another one of interest."""
    for _ in range(4):
        if not isinstance(content, dict):
            break
        found = [(name, value) for name, value in content.items() if isinstance(value, _Tensor)]
        if found:
            if not all(isinstance(name, str) for name, _ in found):
                raise CheckpointError(f"{path} has tensors whose names are no text")
            return found
        content = next((content[key] for key in ("model", "state_dict", "params") if key in content), None)
    raise CheckpointError(f"{path} holds no dictionary of tensors, such as torch.save(model.state_dict(), ...) writes")


def _unpickle(data: bytes, path: Path) -> Any:
    try:
        return _Unpickler(io.BytesIO(data), path).load()
    except CheckpointError:
        raise
    except RecursionError:
        raise CheckpointError(f"{path}: its pickle is nested too deeply") from None
    except Exception as error:  # a damaged pickle raises whatever its bytes happen to mean
        raise CheckpointError(f"{path}: its pickle is damaged: {type(error).__name__}: {error}") from None


class _Unpickler(pickle.Unpickler):
    """Builds dictionaries of tensors and nothing else."""

    def __init__(self, file: io.BytesIO, path: Path) -> None:
        super().__init__(file, encoding="utf-8")
        self.path = path

    def find_class(self, module: str, name: str) -> Any:
        """Give one of our own builders for a name that describes tensors; refuse every other."""
        if module == "torch" and name in _STORAGES:
            return _StorageType(_STORAGES[name])
        allowed: dict[tuple[str, str], Any] = {
            ("collections", "OrderedDict"): collections.OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
            ("torch._utils", "_rebuild_parameter"): _rebuild_parameter,
            ("torch", "Size"): tuple,
        }
        if (module, name) not in allowed:
            raise CheckpointError(
                f"{self.path}: its pickle asks for {module}.{name}, which builds no tensor; such a file can run any "
                "program, so it is not read"
            )
        return allowed[module, name]

    def persistent_load(self, reference: Any) -> _Storage:
        """Describe the storage that a tensor refers to."""
        match reference:
            case ("storage", _StorageType(dtype), str(key), _, int(length)) if "/" not in key:
                return _Storage(dtype, key, length)
        raise CheckpointError(
            f"{self.path}: its pickle refers to {str(reference)[:80]!r}, which is no storage of tensors"
        )


def _rebuild_tensor(storage: Any, offset: Any, shape: Any, strides: Any, *_: Any) -> _Tensor:
    """Check what ``torch._utils._rebuild_tensor_v2`` is given; gradients and hooks do not matter."""
    if not isinstance(storage, _Storage) or not isinstance(shape, tuple) or not isinstance(strides, tuple):
        raise ValueError("a tensor is not made of a storage, a shape and strides")
    numbers = [offset, *shape, *strides]
    if len(shape) != len(strides) or len(shape) > 8 or not all(type(n) is int and 0 <= n < 1 << 40 for n in numbers):
        raise ValueError(f"a tensor has the impossible shape {shape}, strides {strides} or offset {offset}")
    return _Tensor(storage, offset, shape, strides)


def _rebuild_parameter(tensor: Any, *_: Any) -> _Tensor:
    if not isinstance(tensor, _Tensor):
        raise ValueError("a parameter holds no tensor")
    return tensor
