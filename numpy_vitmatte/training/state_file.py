"""The file that lets a run go on: weights, their average and the optimizer's averages, replaced as a whole.

It is one of safetensors, so that it can be looked at; what is no tensor is JSON in its header.
"""

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from numpy_vitmatte.errors import VitMatteError
from numpy_vitmatte.files.atomic_write import atomic_path
from numpy_vitmatte.training.optimizer import AdamW, MovingAverage

STATE_FILE = "state.safetensors"

_PARTS = ("weights", "average", "means", "squares")


class StoredState(NamedTuple):
    """The content of the file.

    Attributes
    ----------
    words : dict
        What :func:`write_state` was given, with the steps of optimizer and average.
    arrays : dict of str to float32 array
        Every tensor, its part before its name: ``weights.``, ``average.``, ``means.`` and ``squares.``.
    """

    words: dict[str, Any]
    arrays: dict[str, NDArray[np.float32]]

    def restore(self, optimizer: AdamW, average: MovingAverage) -> None:
        """Put the numbers into an optimizer and an average of the same tensors, in place."""
        optimizer.steps, average.steps = self.words["adam_steps"], self.words["average_steps"]
        for part, own in (("weights", optimizer.tensors), ("average", average.tensors)):
            for name, tensor in own.items():
                tensor[...] = self.arrays[f"{part}.{name}"]
        for name in optimizer.steps:
            optimizer.means[name] = self.arrays[f"means.{name}"].copy()
            optimizer.squares[name] = self.arrays[f"squares.{name}"].copy()


def write_state(path: Path, optimizer: AdamW, average: MovingAverage, words: dict[str, Any]) -> None:
    """Replace the file.

    Parameters
    ----------
    path : Path
    optimizer : AdamW
        With the weights.
    average : MovingAverage
    words : dict
        What else the run needs to go on, in words of JSON.

    Raises
    ------
    VitMatteError
        If it cannot be written; then the last one is still there.
    """
    parts = (optimizer.tensors, average.tensors, optimizer.means, optimizer.squares)
    arrays = {f"{part}.{name}": each for part, own in zip(_PARTS, parts, strict=True) for name, each in own.items()}
    words = words | {"adam_steps": optimizer.steps, "average_steps": average.steps}
    try:
        with atomic_path(path) as temporary:
            temporary.write_bytes(save(arrays, metadata={"run": json.dumps(words)}))
    except OSError as error:
        going_on = ", which goes on from the last save" if path.exists() else ""
        raise VitMatteError(
            f"{str(path)!r} cannot be written: {error.strerror or error}; make room and give the same command again"
            f"{going_on}"
        ) from error


def read_state(path: Path) -> StoredState:
    """Read the file.

    Raises
    ------
    VitMatteError
        If it cannot be read.
    """
    try:
        with safe_open(path, "np") as file:
            words = json.loads(file.metadata()["run"])
            return StoredState(words, {name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118
    except (OSError, SafetensorError, TypeError, KeyError, ValueError) as error:
        raise VitMatteError(
            f"{str(path)!r} is not the state of a run ({error}); remove the folder {str(path.parent)!r} to begin anew"
        ) from None
