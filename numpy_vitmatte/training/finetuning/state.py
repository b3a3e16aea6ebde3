"""Everything that a run needs to go on, in one file: a kill leaves the last one."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numpy_vitmatte.errors import VitMatteError
from numpy_vitmatte.training.optimizer import AdamW, MovingAverage
from numpy_vitmatte.training.state_file import STATE_FILE, read_state, write_state

_WORDS = ("before", "steps", "step", "seconds", "rows", "losses")


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
        words = {name: getattr(self, name) for name in ("record", *_WORDS)}
        write_state(folder / STATE_FILE, self.optimizer, self.average, words)

    def load(self, folder: Path) -> None:
        """Go on from the file of a folder, in place.

        Raises
        ------
        VitMatteError
            If it cannot be read, or is that of another run.
        """
        stored = read_state(folder / STATE_FILE)
        _check_same(self.record, stored.words["record"], folder)
        for name in _WORDS:
            setattr(self, name, stored.words[name])
        stored.restore(self.optimizer, self.average)


def _check_same(wanted: dict[str, Any], found: dict[str, Any], folder: Path) -> None:
    for name, value in wanted.items():
        if found.get(name) != value:
            was = "other pictures" if name == "pictures" else f"{name}={found.get(name)!r}"
            now = "these" if name == "pictures" else repr(value)
            raise VitMatteError(
                f"the run in {str(folder)!r} was begun with {was}, not {now}; go on with the same, or remove that "
                "folder to begin anew"
            )
