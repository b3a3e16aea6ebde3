"""Traces in safetensors files; ``docs/trace.md`` has the format."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from safetensors.numpy import save

from numpy_vitmatte._version import __version__
from numpy_vitmatte.checkpoint.safetensors_reader import as_float32, read_safetensors
from numpy_vitmatte.errors import VitMatteError
from numpy_vitmatte.files.atomic_write import atomic_path
from numpy_vitmatte.tracing.layer_order import network_order

FORMAT = "numpy-vitmatte trace 1"


def save_trace(path: str | os.PathLike[str], layers: Mapping[str, np.ndarray], precision: str = "highest") -> None:
    """Write a trace, replacing an older file.

    Parameters
    ----------
    path : path
    layers : mapping of str to array
        Layers, as :func:`~numpy_vitmatte.tracing.photo.trace` returns them; they are stored as float32.
    precision : {"highest", "high", "medium"}
        The precision of products that they were computed in; the file says so.

    Raises
    ------
    VitMatteError
        If it cannot be written; then nothing is left behind.
    """
    arrays = {name: np.ascontiguousarray(layers[name], np.float32) for name in network_order(layers)}
    shapes = [[name, list(array.shape)] for name, array in arrays.items()]
    metadata = {
        "format": FORMAT,
        "numpy_vitmatte": __version__,
        "precision": precision,
        "layers": json.dumps(shapes),
    }
    try:
        with atomic_path(path) as temporary, temporary.open("wb") as file:
            file.write(save(arrays, metadata))
            file.flush()
            # Without this a power cut after the renaming can leave an empty file under the final name.
            os.fsync(file.fileno())
    except OSError as error:
        raise VitMatteError(f"trace {os.fspath(path)!r} cannot be written: {error.strerror or error}") from error


def read_trace(path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    """Read a trace, this package's or another implementation's.

    Parameters
    ----------
    path : path
        A safetensors file of float32, float16, bfloat16 or float64 arrays; metadata is not needed.

    Returns
    -------
    dict of str to float32 array
        The layers in the order of the network, mapped from the file and read-only.

    Raises
    ------
    VitMatteError
        If the file is missing, damaged, of another format or empty, or an array is of another type.
    """
    stored = read_safetensors(Path(path))
    if not stored:
        raise VitMatteError(f"{os.fspath(path)} holds no arrays; expected the outputs of a network's layers")
    layers = {}
    for name in network_order(stored):
        try:
            layers[name] = as_float32(stored[name])
        except TypeError:
            raise VitMatteError(
                f"{os.fspath(path)}: {name} is of type {stored[name].dtype}; expected F32, F16, BF16 or F64"
            ) from None
    return layers
