"""A PyTorch file is converted to a checkpoint directory."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from numpy_vitmatte.checkpoint.hustvl_names import configuration_of, hugging_face_names
from numpy_vitmatte.checkpoint.safetensors_reader import StoredTensor, as_float32
from numpy_vitmatte.checkpoint.tensor_shapes import batch_counter_names, parameter_shapes
from numpy_vitmatte.checkpoint.torch_files.reader import read_torch
from numpy_vitmatte.checkpoint.weights import write_checkpoint
from numpy_vitmatte.configuration import VitMatteConfig
from numpy_vitmatte.errors import CheckpointError
from numpy_vitmatte.files.atomic_write import temporary_name
from numpy_vitmatte.hub.file_names import CONFIG_FILE, PREPROCESSOR_FILE, WEIGHTS_FILE
from numpy_vitmatte.processing import VitMatteImageProcessor

_WRITTEN = frozenset((CONFIG_FILE, PREPROCESSOR_FILE, WEIGHTS_FILE))


def convert(source: str | os.PathLike[str], directory: str | os.PathLike[str], force: bool = False) -> VitMatteConfig:
    """Write a Hugging Face style directory from ``torch.save``'s file, the authors' ``.pth`` or ``pytorch_model.bin``.

    The network is told from the tensors' shapes. ``preprocessor_config.json`` gets the hub's settings, mean and
    standard deviation 0.5, though the authors trained with ImageNet's: see the profiles' page.

    Parameters
    ----------
    source : path
        What ``torch.save`` wrote.
    directory : path
        Appears whole or not at all.
    force : bool
        Replace a directory that exists, if it is empty or holds a checkpoint and nothing else. Files of other names
        are never removed.

    Returns
    -------
    VitMatteConfig
        The configuration of the network that was found.

    Raises
    ------
    VitMatteError
        If the file cannot be used, or the directory exists, holds other files or cannot be written.
    """
    shown = repr(str(directory))
    try:
        _check_output(Path(directory), shown, force)
        stored = hugging_face_names(read_torch(Path(source)))
        config = configuration_of(stored)
        tensors = _network_tensors(stored, config, str(source))
        _write_directory(Path(directory), shown, force, config, tensors)
    except OSError as error:
        raise CheckpointError(f"output {shown} cannot be written: {error}") from None
    return config


def _check_output(directory: Path, shown: str, force: bool) -> None:
    """Refuse to replace what the user may not mean: a file, a link, the folder they are in, or one with other files."""
    if directory.name == "..":
        raise CheckpointError(f"output {shown} must end in the name of a folder")
    if not os.path.lexists(directory):
        return
    if not force:
        raise CheckpointError(f"output {shown} exists already; choose another name, or add --force")
    if directory.is_symlink():
        raise CheckpointError(f"output {shown} is a link; choose the name of a folder")
    if not directory.is_dir():
        raise CheckpointError(f"output {shown} is a file; choose the name of a folder")
    if directory.resolve() in (Path.cwd(), *Path.cwd().parents):
        raise CheckpointError(f"output {shown} is or holds the current folder; choose another name")
    found = sorted(directory.iterdir())
    names = {path.name for path in found if path.is_file() and not path.is_symlink()} & _WRITTEN
    # A config.json without weights is another program's.
    others = [path.name for path in found if path.name not in names or WEIGHTS_FILE not in names]
    if others:
        raise CheckpointError(
            f"output {shown} holds {others[0]!r}, and --force replaces nothing but a checkpoint; choose another name"
        )


def _network_tensors(stored: Mapping[str, StoredTensor], config: VitMatteConfig, source: str) -> dict[str, np.ndarray]:
    """Return the network's tensors in float32; none missing, none left over."""
    names = parameter_shapes(config)
    missing = sorted(set(names) - set(stored))
    if missing:
        raise CheckpointError(f"{source} lacks {len(missing)} tensors of its network, such as {missing[0]!r}")
    unknown = sorted(set(stored) - set(names) - set(batch_counter_names(config)))
    if unknown:
        raise CheckpointError(
            f"{source} has {len(unknown)} tensors that its network has no place for, such as {unknown[0]!r}"
        )
    tensors = {}
    for name in names:
        try:
            tensors[name] = as_float32(stored[name])
        except TypeError:
            raise CheckpointError(
                f"{source}: tensor {name!r} is of type {stored[name].dtype}, where floating point is needed"
            ) from None
    return tensors


def _write_directory(
    directory: Path, shown: str, force: bool, config: VitMatteConfig, tensors: Mapping[str, np.ndarray]
) -> None:
    """Write under another name, then rename; what stood there is put back if that fails, and removed if it does not."""
    new, old = temporary_name(directory), temporary_name(directory.with_name(f"{directory.name}.old"))
    try:
        write_checkpoint(new, config, tensors)
        VitMatteImageProcessor().save_pretrained(new)
        # Again: reading took a while, and something may stand there now.
        _check_output(directory, shown, force)
        if not os.path.lexists(directory):
            new.rename(directory)
            return
        directory.rename(old)
        try:
            new.rename(directory)
        except BaseException:
            old.rename(directory)
            raise
    finally:
        shutil.rmtree(new, ignore_errors=True)
    _remove_checkpoint(old, shown)


def _remove_checkpoint(directory: Path, shown: str) -> None:
    """Remove the files of a checkpoint by name, and the folder if that leaves it empty."""
    try:
        for name in _WRITTEN:
            (directory / name).unlink(missing_ok=True)
        directory.rmdir()
    except OSError as error:
        raise CheckpointError(
            f"output {shown} is written, but what stood there is left as {str(directory)!r}: {error}"
        ) from None
