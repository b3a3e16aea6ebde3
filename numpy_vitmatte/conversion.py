"""From a PyTorch file to a checkpoint directory."""

import os
import secrets
import shutil
from pathlib import Path

from numpy_vitmatte.checkpoint.authors_names import configuration_of, hugging_face_names
from numpy_vitmatte.checkpoint.parameters import parameter_shapes
from numpy_vitmatte.checkpoint.safetensors_reader import as_float32
from numpy_vitmatte.checkpoint.torch_reader import read_torch
from numpy_vitmatte.checkpoint.weights import write_checkpoint
from numpy_vitmatte.configuration import VitMatteConfig
from numpy_vitmatte.errors import CheckpointError
from numpy_vitmatte.processing import VitMatteImageProcessor


def convert(source: str | os.PathLike[str], directory: str | os.PathLike[str], force: bool = False) -> VitMatteConfig:
    """Write a Hugging Face style directory from ``torch.save``'s file, the authors' ``.pth`` or ``pytorch_model.bin``.

    The network is told from the tensors' shapes. ``preprocessor_config.json`` gets the hub's settings, mean and
    standard deviation 0.5, though the authors trained with ImageNet's: see the profiles' page.

    Parameters
    ----------
    source : path
    directory : path
        Appears whole or not at all.
    force : bool
        Replace a directory that exists.

    Returns
    -------
    VitMatteConfig
        Of the network that was found.

    Raises
    ------
    VitMatteError
        If the file cannot be used, or the directory exists or cannot be written.
    """
    directory = Path(directory)
    if directory.exists() and not force:
        raise CheckpointError(f"output {str(directory)!r} exists already; choose another name, or add --force")
    if directory.exists() and not directory.is_dir():
        raise CheckpointError(f"output {str(directory)!r} is a file; choose the name of a folder")
    stored = hugging_face_names(read_torch(Path(source)))
    config = configuration_of(stored)
    names = parameter_shapes(config)
    tensors = {name: as_float32(tensor) for name, tensor in stored.items() if name in names}
    missing = sorted(set(names) - set(tensors))
    if missing:
        raise CheckpointError(f"{source} lacks {len(missing)} tensors of its network, such as {missing[0]!r}")
    temporary = directory.with_name(f".{directory.name}-{secrets.token_hex(4)}.partial")
    try:
        write_checkpoint(temporary, config, tensors)
        VitMatteImageProcessor().save_pretrained(temporary)
        if directory.exists():
            shutil.rmtree(directory)
        temporary.rename(directory)
    except OSError as error:
        raise CheckpointError(f"output {str(directory)!r} cannot be written: {error}") from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return config
