"""Safetensors files written by hand, sound or damaged, independently of the reader under test."""

import json
from pathlib import Path

import numpy as np


def file_bytes(header: object, data: bytes = b"", padding: int = 0) -> bytes:
    """A file with this header (bytes as they are, anything else as JSON), spaces behind it, then the data."""
    text = (header if isinstance(header, bytes) else json.dumps(header).encode()) + b" " * padding
    return len(text).to_bytes(8, "little") + text + data


def tensors_bytes(tensors: dict[str, tuple[str, np.ndarray]], padding: int = 0) -> bytes:
    """A sound file of named (type, array) pairs, each array holding the bit patterns to store."""
    header, data = {}, b""
    for name, (dtype, array) in tensors.items():
        stored = array.tobytes()
        header[name] = {
            "dtype": dtype,
            "shape": list(array.shape),
            "data_offsets": [len(data), len(data) + len(stored)],
        }
        data += stored
    return file_bytes(header, data, padding)


def stored_as(dtype: str, tensor: np.ndarray) -> tuple[str, np.ndarray]:
    """The (type, bit patterns) pair that stores a float32 array in another floating-point type."""
    if dtype == "BF16":
        return dtype, (tensor.view(np.uint32) >> 16).astype("<u2")
    return dtype, tensor.astype({"F16": "<f2", "F32": "<f4", "F64": "<f8", "I64": "<i8"}[dtype])


def write_file(path: Path, tensors: dict[str, np.ndarray], dtype: str = "F32") -> None:
    """Write float32 arrays in another floating-point type."""
    path.write_bytes(tensors_bytes({name: stored_as(dtype, tensor) for name, tensor in tensors.items()}))


def assert_same(found: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    """The same names in the same order, with arrays equal in shape, type and every value."""
    assert list(found) == list(expected)
    for name in expected:
        np.testing.assert_array_equal(found[name], expected[name], strict=True, err_msg=name)
