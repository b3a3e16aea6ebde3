"""Weights are read from and written to a checkpoint directory, every tensor checked against the configuration."""

import math
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from safetensors.numpy import save

from numpy_vitmatte.checkpoint.safetensors_reader import as_float32, is_mapped
from numpy_vitmatte.checkpoint.tensor_shapes import batch_counter_names
from numpy_vitmatte.checkpoint.validation import Differences
from numpy_vitmatte.checkpoint.weight_files import stored_tensors
from numpy_vitmatte.configuration import VitMatteConfig
from numpy_vitmatte.errors import CheckpointError
from numpy_vitmatte.files.atomic_write import atomic_path
from numpy_vitmatte.hub.file_names import WEIGHTS_FILE

_FLOAT_TYPES = ("F32", "F16", "BF16", "F64")


def read_tensors(directory: str | os.PathLike[str], config: VitMatteConfig) -> dict[str, np.ndarray]:
    """Read the weights of a checkpoint into memory; the file may be rewritten, cut or removed afterwards.

    Parameters
    ----------
    directory : str or path-like
        Holds ``model.safetensors``, or shards and ``model.safetensors.index.json``.
    config : VitMatteConfig
        The network they belong to.

    Returns
    -------
    dict of str to float32 array
        A read-only array for every entry of :func:`~numpy_vitmatte.checkpoint.tensor_shapes.parameter_shapes`, in its
        order.

    Raises
    ------
    CheckpointError
        If there are no weights, a file is damaged or a pickle; or, all in one message, if tensors are missing,
        unexpected, of another shape or no floating-point type, or hold values that are not finite.
    """
    tensors = {name: tensor.copy() for name, tensor in map_tensors(directory, config).items()}
    for tensor in tensors.values():
        tensor.flags.writeable = False
    return tensors


def map_tensors(directory: str | os.PathLike[str], config: VitMatteConfig) -> dict[str, np.ndarray]:
    """Give the weights as :func:`read_tensors` does, mapped from the file where it holds them as float32.

    They take no memory until they are used, but change and end with the file: pack them at once, and let them go.

    Raises
    ------
    CheckpointError
        See :func:`read_tensors`.
    """
    directory = Path(directory)
    stored = stored_tensors(directory)
    differences = Differences(config, {name: tensor.shape for name, tensor in stored.items()})
    tensors = {}
    for name in differences.comparable:
        if stored[name].dtype not in _FLOAT_TYPES:
            differences.add("not floating point", f"{name} ({stored[name].dtype})")
            continue
        tensors[name] = as_float32(stored[name])
        differences.check_values(name, tensors[name])
    differences.raise_if_any(f"the weights in {directory}")
    return tensors


def bytes_not_mapped(directory: Path) -> int:
    """Return the bytes that ``map_tensors`` takes, told from the files' headers: all that is not mapped float32.

    Raises
    ------
    CheckpointError
        If there are no weights, or a file is damaged.
    """
    stored = stored_tensors(directory).values()
    copied = [tensor for tensor in stored if tensor.dtype != "F32" or not is_mapped(tensor.data)]
    return sum(np.dtype(np.float32).itemsize * math.prod(tensor.shape) for tensor in copied)


def write_checkpoint(
    directory: str | os.PathLike[str], config: VitMatteConfig, tensors: Mapping[str, np.ndarray]
) -> None:
    """Write ``model.safetensors`` and ``config.json`` as transformers writes and reads them.

    Each file appears whole or not at all. ``VitMatteForImageMatting.from_pretrained`` of transformers loads the
    directory without a missing or unexpected tensor.

    Parameters
    ----------
    directory : str or path-like
        Created if need be; other files in it stay.
    config : VitMatteConfig
        The network.
    tensors : mapping of str to array
        An array for every entry of :func:`~numpy_vitmatte.checkpoint.tensor_shapes.parameter_shapes`, in float32.
        The batch norms' step counters are written as 0.

    Raises
    ------
    CheckpointError
        If the tensors do not fit the configuration or are not finite (nothing is written then), or the file cannot be
        written.
    ConfigurationError
        If ``config.json`` cannot be written.
    """
    directory = Path(directory)
    arrays = {name: np.asarray(tensor, np.float32, order="C") for name, tensor in tensors.items()}
    differences = Differences(config, {name: array.shape for name, array in arrays.items()})
    for name in differences.comparable:
        differences.check_values(name, arrays[name])
    differences.raise_if_any("the tensors to be written")
    # transformers reports a batch norm without its step counter as a missing tensor.
    counters = {name: np.zeros((), np.int64) for name in batch_counter_names(config)}
    path = directory / WEIGHTS_FILE
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with atomic_path(path) as temporary:
            temporary.write_bytes(save(arrays | counters, metadata={"format": "pt"}))
    except OSError as error:
        raise CheckpointError(f"{path} cannot be written: {error}") from error
    _as_written(config).save_pretrained(directory)


def _as_written(config: VitMatteConfig) -> VitMatteConfig:
    """Return the configuration, and in it the class to build and the type to load, which transformers reads."""
    extra = {key: value for key, value in config.extra.items() if key != "torch_dtype"}
    return replace(config, extra=extra | {"architectures": ["VitMatteForImageMatting"], "dtype": "float32"})
