"""Read a ``.safetensors`` file: eight bytes of header length, a JSON header, then the tensors' bytes end to end.

The format is small (https://github.com/huggingface/safetensors#format), and reading it here rather than with the
package of that name gives bfloat16 without a further dependency, maps the file instead of copying it, and says what is
wrong with a damaged file. Nothing in it is executed, unlike in a pickle.
"""

import json
import math
import mmap
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from numpy_vitmatte.errors import CheckpointError

# The limit of the reference implementation; the header of ViTMatte-B has about 30 000 bytes.
_LONGEST_HEADER = 100_000_000

_LENGTH_BYTES = 8

_ITEM_BYTES = {
    **dict.fromkeys(("BOOL", "U8", "I8", "F8_E4M3", "F8_E5M2"), 1),
    **dict.fromkeys(("U16", "I16", "F16", "BF16"), 2),
    **dict.fromkeys(("U32", "I32", "F32"), 4),
    **dict.fromkeys(("U64", "I64", "F64", "C64"), 8),
}

# What other files begin with that are often found under this name.
_OTHER_FORMATS = {
    b"version ": "a Git LFS pointer in place of the weights: run 'git lfs pull' where it came from",
    b"PK\x03\x04": "a zip archive, as torch.save writes: convert it with numpy-vitmatte convert",
    b"\x80\x02": "a pickle: convert it with transformers' save_pretrained",
    b"<": "a web page: download the file itself",
}


class StoredTensor(NamedTuple):
    """A tensor as it lies in the file.

    Attributes
    ----------
    dtype : str
        Its type under the format's name: ``"F32"``, ``"F16"``, ``"BF16"``, ``"F64"``, ``"I64"``, ...
    shape : tuple of int
        Its shape; ``()`` for a scalar.
    data : uint8 array
        Its bytes, uint8, read-only, mapped from the file.
    """

    dtype: str
    shape: tuple[int, ...]
    data: np.ndarray


def read_safetensors(path: Path) -> dict[str, StoredTensor]:
    """Map a file and find its tensors, without reading their values.

    Parameters
    ----------
    path : pathlib.Path
        A ``.safetensors`` file.

    Returns
    -------
    dict of str to StoredTensor
        In the order of the header.

    Raises
    ------
    CheckpointError
        If the file cannot be read, is cut off, is of another format, or its header contradicts itself.
    """
    try:
        size = path.stat().st_size
        if size < _LENGTH_BYTES:
            raise CheckpointError(f"{path} is cut off: it has {size} bytes and no header")
        content = np.asarray(np.memmap(path, mode="r", dtype=np.uint8))
    except (OSError, ValueError) as error:
        if isinstance(error, CheckpointError):
            raise
        raise CheckpointError(f"{path} cannot be read: {error}") from error
    header, start = _read_header(path, content)
    tensors = {}
    spans = []
    for name, entry in header.items():
        dtype, shape, begin, end = _checked_entry(path, name, entry)
        spans.append((begin, end, name))
        tensors[name] = StoredTensor(dtype, shape, content[start + begin : start + end])
    _check_spans(path, sorted(spans), start, size)
    return tensors


def as_float32(tensor: StoredTensor) -> np.ndarray:
    """The values of a tensor stored as F32, F16, BF16 or F64, as a read-only float32 array.

    F32 is mapped, not copied, where the file aligns it. Values of F64 beyond float32's range become infinite.

    Raises
    ------
    TypeError
        If the tensor is stored in another type.
    """
    match tensor.dtype:
        case "F32":
            values = tensor.data.view("<f4")
        case "F16":
            values = tensor.data.view("<f2")
        case "F64":
            values = tensor.data.view("<f8")
        case "BF16":
            # A bfloat16 is the upper half of a float32.
            values = (tensor.data.view("<u2").astype(np.uint32) << 16).view(np.float32)
        case _:
            raise TypeError(f"a tensor of type {tensor.dtype} has no float32 values")
    with np.errstate(over="ignore"):
        values = np.require(values.astype(np.float32, copy=False), requirements=["ALIGNED", "C"])
    values = values.reshape(tensor.shape)
    values.flags.writeable = False
    return values


def mapping_of(array: np.ndarray) -> mmap.mmap | None:
    """The mapped file that an array is a view of; None if its numbers lie in memory of their own."""
    base: Any = array
    while isinstance(base, np.ndarray):
        base = base.base
    return base if isinstance(base, mmap.mmap) else None


def release(arrays: Iterable[np.ndarray]) -> None:
    """Give back the memory of arrays that are mapped from files; whoever looks at them again reads them again.

    Systems without ``madvise`` keep them until they need the memory.
    """
    for array in arrays:
        mapping = mapping_of(array)
        if mapping is not None and hasattr(mmap, "MADV_DONTNEED"):
            mapping.madvise(mmap.MADV_DONTNEED)


def _read_header(path: Path, content: np.ndarray) -> tuple[dict[str, Any], int]:
    """The header's tensor entries, and the position of the first byte after it."""
    length = int.from_bytes(content[:_LENGTH_BYTES].tobytes(), "little")
    start = _LENGTH_BYTES + length
    if length > _LONGEST_HEADER:
        raise CheckpointError(
            f"{path} is no safetensors file: its first eight bytes promise a header of {length} bytes"
            + _other_format(content)
        )
    if start > content.size:
        raise CheckpointError(f"{path} is cut off: its header ends at byte {start}, the file has {content.size} bytes")
    try:
        header = json.loads(content[_LENGTH_BYTES:start].tobytes(), object_pairs_hook=_unique_keys)
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path} has a damaged header: {error}") from None
    if not isinstance(header, dict):
        raise CheckpointError(f"{path} has a damaged header: it must be a JSON object, found {type(header).__name__}")
    header.pop("__metadata__", None)
    return header, start


def _other_format(content: np.ndarray) -> str:
    beginning = content[:_LENGTH_BYTES].tobytes()
    known = (text for magic, text in _OTHER_FORMATS.items() if beginning.startswith(magic))
    return next((f". It is {text}" for text in known), "")


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = dict(pairs)
    if len(keys) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{twice!r} stands there twice")
    return keys


def _checked_entry(path: Path, name: str, entry: Any) -> tuple[str, tuple[int, ...], int, int]:
    """Type, shape, first and last position (counted from the end of the header) of one tensor."""
    try:
        dtype, shape, (begin, end) = entry["dtype"], tuple(entry["shape"]), entry["data_offsets"]
    except (TypeError, KeyError, ValueError):
        raise CheckpointError(f"{path} has a damaged header: tensor {name!r} is described by {entry!r}") from None
    if not isinstance(dtype, str) or dtype not in _ITEM_BYTES:
        raise CheckpointError(f"{path}: tensor {name!r} is of type {dtype!r}, which is not read here")
    if not all(type(number) is int and number >= 0 for number in (*shape, begin, end)):
        raise CheckpointError(
            f"{path} has a damaged header: tensor {name!r} has shape {entry['shape']!r} at {entry['data_offsets']!r}"
        )
    expected = math.prod(shape) * _ITEM_BYTES[dtype]
    if end - begin != expected:
        raise CheckpointError(
            f"{path} has a damaged header: tensor {name!r} of type {dtype} and shape {shape} takes {expected} bytes, "
            f"but is given {end - begin}"
        )
    return dtype, shape, begin, end


def _check_spans(path: Path, spans: list[tuple[int, int, str]], start: int, size: int) -> None:
    """The tensors must lie end to end and fill the file: no gap, no overlap, nothing missing, nothing behind."""
    position = 0
    for begin, end, name in spans:
        if begin != position:
            fault = "overlaps the tensor before it" if begin < position else "does not follow the tensor before it"
            raise CheckpointError(f"{path} has a damaged header: tensor {name!r} {fault}")
        position = end
    expected = start + position
    if size < expected:
        raise CheckpointError(f"{path} is cut off: it should have {expected} bytes and has {size}")
    if size > expected:
        raise CheckpointError(f"{path} is damaged: it should have {expected} bytes and has {size}")
