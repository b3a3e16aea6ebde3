"""The settings of a fine-tuning: what a run is made of, checked before anything is read."""

import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypedDict

from numpy_vitmatte.errors import VitMatteError, shown
from numpy_vitmatte.network.memory import parse_bytes
from numpy_vitmatte.runtime.precision import checked_precision

PARTS = {"decoder": "decoder.*", "all": "*"}
"""The parts that can be trained, and the patterns of their tensors."""

_NOT_RECORDED = ("max_memory", "precision")  # neither changes a bit of the checkpoint

LEAST_CROP = 64
"""The loss needs so many pixels: it halves an alpha five times."""


class FinetuneOptions(TypedDict, total=False):
    """The keywords of :func:`~numpy_vitmatte.training.finetuning.finetune.finetune`.

    Attributes
    ----------
    trimaps : path
        Folder of trimaps. By default they are drawn from the alphas, each time anew.
    backgrounds : path
        Folder of pictures: photos are then the colors of foregrounds, and laid over these.
    model : str
        The checkpoint to begin with: a name or a folder.
    steps : int
        Steps of the optimizer; by default 300, unless there are ``minutes``.
    minutes : float
        Time that the steps take together, in place of ``steps``: the first few are measured, and say how many there
        will be.
    crop : int
        Side of the squares that are cut out of photos, a multiple of 32, at least 64.
    batch : int
        Squares in a step.
    lr : float
        Learning rate at its peak.
    train : {"decoder", "all"}
        The part of the network whose tensors change.
    validate : float
        Part of the pictures that is held back and judged before and after; 0 for none.
    seed : int
        Decides which pictures are held back, and every random choice.
    precision : {"highest"}
        The precision of a step's products: float32. Others are refused: a forward pass of lower precision would save a
        tenth of a step, and its gradients would be those of other alphas.
    max_memory : int or str
        Bytes that the process may take in a step, or words such as ``"2GB"``; a run that takes more is refused. It may
        change when a run is continued.
    """

    trimaps: Path | str | None
    backgrounds: Path | str | None
    model: str
    steps: int | None
    minutes: float | None
    crop: int
    batch: int
    lr: float
    train: str
    validate: float
    seed: int
    precision: str
    max_memory: int | str | None


@dataclass(frozen=True)
class Settings:
    """The options of :class:`FinetuneOptions` with their defaults, checked, and the folders.

    Raises
    ------
    VitMatteError
        If one of them is not of its kind.
    """

    photos: Path
    alphas: Path
    trimaps: Path | None = None
    backgrounds: Path | None = None
    model: str = "vitmatte-tiny"
    steps: int | None = None
    minutes: float | None = None
    crop: int = 256
    batch: int = 4
    lr: float = 3e-4
    train: str = "decoder"
    validate: float = 0.1
    seed: int = 1
    precision: str = "highest"
    max_memory: int | str | None = None

    def __post_init__(self) -> None:
        if self.steps is not None and self.minutes is not None:
            raise VitMatteError("steps and minutes are both given, and both say when to stop; give one of them")
        if self.steps is None and self.minutes is None:
            object.__setattr__(self, "steps", 300)
        for name, least in (("steps", 1), ("batch", 1), ("seed", 0)):
            value = getattr(self, name)
            if value is not None and (not isinstance(value, int) or value < least):
                raise VitMatteError(f"{name} is {shown(value)}; expected a whole number, {least} or more")
        for name in ("minutes", "lr"):
            value = getattr(self, name)
            if value is not None and not (isinstance(value, (int, float)) and 0 < value < math.inf):
                raise VitMatteError(f"{name} is {shown(value)}; expected a number above 0")
        if not isinstance(self.crop, int) or self.crop % 32 or self.crop < LEAST_CROP:
            raise VitMatteError(f"crop is {shown(self.crop)}; expected a multiple of 32, {LEAST_CROP} or more")
        if not isinstance(self.validate, (int, float)) or not 0 <= self.validate <= 0.9:
            raise VitMatteError(f"validate is {shown(self.validate)}; expected a part of the pictures, 0 to 0.9")
        if checked_precision(self.precision) != "highest":
            raise VitMatteError(
                f"precision is {shown(self.precision)}, but gradients are computed in float32 alone; leave it out, or "
                'give "highest"'
            )
        if self.max_memory is not None:
            parse_bytes(self.max_memory)
        if self.train not in PARTS:
            raise VitMatteError(f"train is {shown(self.train)}; expected one of {', '.join(PARTS)}")

    def record(self) -> dict[str, Any]:
        """Describe the run in words of JSON: a run that is continued must have the same record."""
        made_of = {name: value for name, value in asdict(self).items() if name not in _NOT_RECORDED}
        return {name: str(value) if isinstance(value, Path) else value for name, value in made_of.items()}
