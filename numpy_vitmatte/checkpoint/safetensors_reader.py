"""Read a ``.safetensors`` file: eight bytes of header length, a JSON header, then the tensors' bytes end to end.

The package of that name checks the header (https://github.com/huggingface/safetensors#format). Reading the tensors is
done here because it gives bfloat16, which NumPy lacks, and maps the file, where the package copies every tensor.
Nothing in the file is executed, unlike in a pickle.
"""

import math
import mmap
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from safetensors import SafetensorError, safe_open

from numpy_vitmatte.errors import CheckpointError, shown
from numpy_vitmatte.files.json_object import parse_json_object

# The header of ViTMatte-B has about 30 000 bytes. Each can make an object of fifty.
_LONGEST_HEADER = 1_000_000

_LENGTH_BYTES = 8

# Far beyond any network. NumPy counts bytes in 63 bits also where a side is 0, and messages show names and shapes.
_MOST_DIMENSIONS = 8
_MOST_NUMBERS = 1 << 40
_LONGEST_NAME = 200

# Other files are often found under this name; they begin with these bytes.
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
    start = _end_of_header(path, content)
    try:
        with safe_open(path, "numpy"):  # checks all of the header, and that the tensors fill the file without a gap
            pass
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path} is damaged or cut off at {size} bytes: {error}") from None
    text = content[_LENGTH_BYTES:start].tobytes()
    header = parse_json_object(text, f"{path}: its header", CheckpointError, unique_keys=True)
    header.pop("__metadata__", None)
    return {name: _tensor(path, name, entry, content[start:]) for name, entry in header.items()}


def as_float32(tensor: StoredTensor) -> np.ndarray:
    """Return the values of a tensor stored as F32, F16, BF16 or F64, as a read-only float32 array.

    F32 is mapped, not copied, where the file aligns it: whoever keeps it longer than the file copies it. Values of F64
    beyond float32's range become infinite.

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


def is_mapped(array: np.ndarray) -> bool:
    """Say whether an array is a view of a mapped file, and not of memory of its own."""
    base: Any = array
    while isinstance(base, np.ndarray):
        base = base.base
    return isinstance(base, mmap.mmap)


def _end_of_header(path: Path, content: np.ndarray) -> int:
    """Return the position of the first byte after the header; nobody reads it before its length is known to be sane."""
    length = int.from_bytes(content[:_LENGTH_BYTES].tobytes(), "little")
    start = _LENGTH_BYTES + length
    if length > _LONGEST_HEADER:
        raise CheckpointError(
            f"{path} is no safetensors file: its first eight bytes promise a header of {length} bytes"
            + hint_of_other_format(content[:_LENGTH_BYTES].tobytes())
        )
    if start > content.size:
        raise CheckpointError(f"{path} is cut off: its header ends at byte {start}, the file has {content.size} bytes")
    return start


def hint_of_other_format(beginning: bytes) -> str:
    """Say what a file of weights is if it begins as other files do that often have its name, else nothing."""
    known = (text for magic, text in _OTHER_FORMATS.items() if beginning.startswith(magic))
    return next((f". It is {text}" for text in known), "")


def _tensor(path: Path, name: str, entry: Any, content: np.ndarray) -> StoredTensor:
    """Return a tensor of a header that the package finds sound; what NumPy and terminals cannot take is refused."""
    if not name.isprintable() or len(name) > _LONGEST_NAME:
        raise CheckpointError(f"{path} has a tensor of the name {shown(name)}, which is no line of text")
    try:
        dtype, shape, (begin, end) = entry["dtype"], tuple(entry["shape"]), entry["data_offsets"]
    except TypeError:
        raise CheckpointError(f"{path} has a damaged header: tensor {name!r} is described by {shown(entry)}") from None
    if len(shape) > _MOST_DIMENSIONS or math.prod(side or 1 for side in shape) > _MOST_NUMBERS:
        raise CheckpointError(f"{path}: tensor {name!r} has the impossible shape {shown(shape)}")
    return StoredTensor(dtype, shape, content[begin:end])
