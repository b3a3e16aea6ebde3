"""The memory of a run, estimated before its first step."""

import math

from numpy_vitmatte.checkpoint.tensor_shapes import parameter_shapes
from numpy_vitmatte.configuration import VitMatteConfig
from numpy_vitmatte.errors import MemoryLimitError
from numpy_vitmatte.gradients.memory import gradients_memory
from numpy_vitmatte.network.memory import FLOAT, PROCESS_BYTES, parse_bytes
from numpy_vitmatte.training.finetuning.settings import PARTS, Settings
from numpy_vitmatte.training.optimizer import trainable

COPIES = 9
"""Of what is trained: the weights, their average, both of AdamW's, gradients, and all but these once more in a save."""

BYTES_PER_PIXEL = 48
"""Of a batch: photos, trimaps, alphas and pixel values, and what the loss makes of them."""


def run_memory(settings: Settings, config: VitMatteConfig, picture_bytes: int) -> int:
    """Estimate the bytes of the process at the peak of a step.

    Parameters
    ----------
    settings : Settings
    config : VitMatteConfig
    picture_bytes : int
        Those of the decoded pictures that are kept.
    """
    shapes = parameter_shapes(config)
    trained = sum(math.prod(shapes[name]) for name in trainable(shapes, PARTS[settings.train]))
    weights = 2 * sum(map(math.prod, shapes.values())) + COPIES * trained
    side, alone = settings.crop, settings.train == "decoder"
    step = gradients_memory(settings.batch, side, side, config, alone) + settings.batch * side**2 * BYTES_PER_PIXEL
    return PROCESS_BYTES + FLOAT * weights + picture_bytes + step


def require_memory(settings: Settings, config: VitMatteConfig, picture_bytes: int) -> None:
    """Refuse a run that takes more memory than it may; parameters as for :func:`run_memory`.

    Raises
    ------
    MemoryLimitError
        If it takes more than ``max_memory``.
    """
    if settings.max_memory is None:
        return
    needed = run_memory(settings, config, picture_bytes)
    if needed > parse_bytes(settings.max_memory):
        raise MemoryLimitError(
            f"{settings.batch} squares of {settings.crop} pixels take {math.ceil(needed / 1e6)} MB, more than "
            f"max_memory allows ({settings.max_memory}); try a smaller batch, or smaller squares"
        )
