"""Everything that a run needs to go on, in one file that is replaced as a whole: a kill leaves the last one.

The file is one of safetensors, so that it can be looked at; what is no tensor is JSON in its header.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from numpy_vitmatte.errors import VitMatteError
from numpy_vitmatte.files.atomic_write import atomic_path
from numpy_vitmatte.training.optimizer import AdamW, MovingAverage

STATE_FILE = "state.safetensors"

_PARTS = ("weights", "average", "means", "squares")


@dataclass
class RunState:
    """A run between two steps.

    Attributes
    ----------
    optimizer : AdamW
        With the tensors that are trained.
    average : MovingAverage
        Of these.
    record : dict
        What the run is made of; see ``Settings.record``.
    before : dict of str to list of float
        Errors of the pictures that were held back, with the weights that the run began with.
    steps : int or None
        Steps in all; None until they are known.
    step : int
        Steps done.
    seconds : float
        Time that they took.
    rows : list of list of float
        The log.
    losses : list of float
        Those of the steps since its last row.
    """

    optimizer: AdamW
    average: MovingAverage
    record: dict[str, Any]
    before: dict[str, list[float]]
    steps: int | None
    step: int = 0
    seconds: float = 0.0
    rows: list[list[float]] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)

    @property
    def tensors(self) -> dict[str, NDArray[np.float32]]:
        """The tensors that are trained."""
        return self.optimizer.tensors

    def save(self, folder: Path) -> None:
        """Replace the file of a folder.

        Raises
        ------
        VitMatteError
            If it cannot be written; then the last one is still there.
        """
        optimizer = self.optimizer
        parts = (self.tensors, self.average.tensors, optimizer.means, optimizer.squares)
        arrays = {f"{part}.{name}": each for part, own in zip(_PARTS, parts, strict=True) for name, each in own.items()}
        words = {
            name: getattr(self, name) for name in ("record", "before", "steps", "step", "seconds", "rows", "losses")
        } | {
            "adam_steps": optimizer.steps,
            "average_steps": self.average.steps,
        }
        path = folder / STATE_FILE
        try:
            with atomic_path(path) as temporary:
                temporary.write_bytes(save(arrays, metadata={"run": json.dumps(words)}))
        except OSError as error:
            going_on = ", which goes on from the last save" if path.exists() else ""
            raise VitMatteError(
                f"{str(path)!r} cannot be written: {error.strerror or error}; make room and give the same command again"
                f"{going_on}"
            ) from error

    def load(self, folder: Path) -> None:
        """Go on from the file of a folder, in place.

        Raises
        ------
        VitMatteError
            If it cannot be read, or is that of another run.
        """
        path = folder / STATE_FILE
        try:
            with safe_open(path, "np") as file:
                words = json.loads(file.metadata()["run"])
                stored = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (it is no dict)
        except (OSError, SafetensorError, TypeError, KeyError, ValueError) as error:
            raise VitMatteError(
                f"{str(path)!r} is not the state of a run ({error}); remove the folder {str(folder)!r} to begin anew"
            ) from None
        _check_same(self.record, words["record"], folder)
        for name in ("before", "steps", "step", "seconds", "rows", "losses"):
            setattr(self, name, words[name])
        self.optimizer.steps, self.average.steps = words["adam_steps"], words["average_steps"]
        for name in self.tensors:
            self.tensors[name][...] = stored[f"weights.{name}"]
            self.average.tensors[name][...] = stored[f"average.{name}"]
        for name in self.optimizer.steps:
            self.optimizer.means[name] = stored[f"means.{name}"].copy()
            self.optimizer.squares[name] = stored[f"squares.{name}"].copy()


def _check_same(wanted: dict[str, Any], found: dict[str, Any], folder: Path) -> None:
    for name, value in wanted.items():
        if found.get(name) != value:
            was = "other pictures" if name == "pictures" else f"{name}={found.get(name)!r}"
            now = "these" if name == "pictures" else repr(value)
            raise VitMatteError(
                f"the run in {str(folder)!r} was begun with {was}, not {now}; go on with the same, or remove that "
                "folder to begin anew"
            )
