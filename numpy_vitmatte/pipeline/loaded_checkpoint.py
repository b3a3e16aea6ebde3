"""The checkpoint that was used last, kept in memory: a loop over photos loads it once."""

import os
import threading
import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias, Union

from numpy_vitmatte.errors import CheckpointError, VitMatteError
from numpy_vitmatte.hub.resolve import checkpoint_directory
from numpy_vitmatte.model import VitMatteForImageMatting, load_packed
from numpy_vitmatte.processing import VitMatteImageProcessor

DEFAULT_MODEL = "vitmatte-tiny"

ModelSource: TypeAlias = Union[str, "os.PathLike[str]", VitMatteForImageMatting]


@dataclass(frozen=True)
class LoadedCheckpoint:
    """A model and the processor that belongs to it."""

    model: VitMatteForImageMatting
    processor: VitMatteImageProcessor


_lock = threading.Lock()
_last: tuple[object, VitMatteForImageMatting, VitMatteImageProcessor | None] | None = None


def _new_lock() -> None:
    """Replace the lock in a forked child: a thread that it lacks may hold it. What is kept is always whole."""
    global _lock
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_new_lock)


def load_checkpoint(
    name_or_path: str | os.PathLike[str], processor: VitMatteImageProcessor | None = None
) -> LoadedCheckpoint:
    """Load a checkpoint, or give the last one again if it is the same and its files have not changed.

    Only one is kept, so that going through several checkpoints does not fill the memory.

    Parameters
    ----------
    name_or_path : str or path
    processor : VitMatteImageProcessor, optional
        The default is the checkpoint's own, whose settings are read only then.

    Raises
    ------
    CheckpointError, ConfigurationError
        See :meth:`VitMatteForImageMatting.from_pretrained` and :meth:`VitMatteImageProcessor.from_pretrained`.
    """
    global _last
    directory = checkpoint_directory(name_or_path).resolve()
    with _lock:
        fingerprint = _fingerprint(directory)
        model, own = (None, None) if _last is None or _last[0] != fingerprint else _last[1:]
        if processor is None and own is None:
            own = VitMatteImageProcessor.from_directory(directory)
        if model is None:
            _last = None  # the old model's memory is free before the new one is read
            model = load_packed(directory)
        _last = fingerprint, model, own
        return LoadedCheckpoint(model, processor or own or VitMatteImageProcessor())


_processors: weakref.WeakKeyDictionary[VitMatteForImageMatting, VitMatteImageProcessor] = weakref.WeakKeyDictionary()


def own_processor(model: VitMatteForImageMatting) -> VitMatteImageProcessor:
    """Give the processor of the checkpoint that a model was loaded from, read once, or the default one.

    Raises
    ------
    CheckpointError, ConfigurationError
        See :meth:`VitMatteImageProcessor.from_pretrained`.
    """
    if model.directory is None:
        return VitMatteImageProcessor()
    processor = _processors.get(model)
    if processor is None:
        processor = _processors[model] = VitMatteImageProcessor.from_directory(model.directory)
    return processor


def loaded_checkpoint(model: ModelSource, processor: VitMatteImageProcessor | None = None) -> LoadedCheckpoint:
    """Give a model and the processor to use with it.

    Parameters
    ----------
    model : str, path or VitMatteForImageMatting
        See :func:`~numpy_vitmatte.matte`.
    processor : VitMatteImageProcessor, optional
        The default is the checkpoint's own.

    Raises
    ------
    VitMatteError
        If the checkpoint cannot be used, or ``model`` is none of :func:`~numpy_vitmatte.matte`'s kinds.
    """
    if isinstance(model, (str, os.PathLike)):
        return load_checkpoint(model, processor)
    if not isinstance(model, VitMatteForImageMatting):
        raise VitMatteError(
            f"model is a {type(model).__name__}; expected the name or directory of a checkpoint, or a loaded model"
        )
    return LoadedCheckpoint(model, own_processor(model) if processor is None else processor)


def _fingerprint(directory: Path) -> object:
    """Name, size and time of every file that may matter: any ordinary change of a checkpoint shows in them."""
    try:
        files = sorted(path for path in directory.iterdir() if path.is_file())  # a link in a loop is none
        stats = [(path.name, path.stat()) for path in files]
    except OSError as error:
        raise CheckpointError(f"checkpoint {str(directory)!r} cannot be read: {error.strerror}") from error
    return directory, [(name, stat.st_size, stat.st_mtime_ns) for name, stat in stats]
