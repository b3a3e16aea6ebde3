"""A budget for the whole job: refused before the photo is decoded, and the network's part of it."""

import os
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from numpy_vitmatte.images.header import stored_form
from numpy_vitmatte.images.reading import ImageSource, as_array, channels_last
from numpy_vitmatte.matting.downscale import smaller_size
from numpy_vitmatte.network.memory import PHOTO, Allowance, Budget, plan_budget
from numpy_vitmatte.pipeline.loaded_checkpoint import LoadedCheckpoint
from numpy_vitmatte.pipeline.memory import EIGHT_BIT, WIDE, Work, around_network


def plan_work(work: Work, checkpoint: LoadedCheckpoint, max_memory: Allowance | None) -> Budget:
    """What a whole job will take.

    Raises
    ------
    VitMatteError
        If it is more than is allowed; the message names the smallest budget that would do.
    """
    padded = checkpoint.processor.padded_size(*work.small)
    return plan_budget(
        *padded, checkpoint.model.config, checkpoint.model.weights_in_memory, max_memory, around_network(work)
    )


def check_head(
    image: ImageSource,
    checkpoint: LoadedCheckpoint,
    max_memory: Allowance,
    max_side: int | None,
    *,
    trust: bool = False,
    pictures: int = 0,
    beside: int = 0,
) -> None:
    """Refuse a photo by its head, before its pixels take the memory that they are not to take.

    Parameters
    ----------
    image : path, PIL.Image.Image or array
        Of a file that cannot be read nothing is said here: reading it will say what is wrong.
    checkpoint : LoadedCheckpoint
    max_memory : Allowance
    max_side : int, optional
    trust : bool
        A trust map is made.
    pictures : int
        Bytes per pixel of pictures that are made; see :func:`~numpy_vitmatte.pipeline.memory.picture_bytes`.
    beside : int
        Bytes of what else is held.

    Raises
    ------
    VitMatteError
    """
    head = _head(image)
    if head is not None:
        height, width, wide = head
        small = smaller_size(height, width, max_side)
        plan_work(Work(height, width, small, wide, trust, pictures, beside), checkpoint, max_memory)


def network_allowance(
    photo: NDArray[Any], size: tuple[int, int], checkpoint: LoadedCheckpoint, max_memory: Allowance | None
) -> Allowance | None:
    """A job's budget as the model is to be told it, which counts the network and its own input.

    Parameters
    ----------
    photo : (H, W, 3) array
    size : (int, int)
        Height and width at which it is computed.
    checkpoint : LoadedCheckpoint
    max_memory : Allowance, optional
        Of the whole job.

    Raises
    ------
    VitMatteError
        The job does not fit.
    """
    if max_memory is None:
        return None
    height, width, _ = photo.shape
    work = Work(height, width, size, bool(photo.dtype != np.uint8))
    plan_work(work, checkpoint, max_memory)
    height, width = checkpoint.processor.padded_size(*size)
    return max_memory.with_beside(around_network(work).held - PHOTO * height * width)


def second_opinion(image: ImageSource) -> int:
    """Bytes that a trust map adds to the job on a photo; 0 if that cannot be read."""
    height, width, wide = _head(image) or (0, 0, False)
    return (WIDE if wide else EIGHT_BIT).second * height * width


def pixels_of(image: ImageSource) -> int:
    """How many pixels a picture has; 0 of what cannot be read, or is none, such as the name of a colour."""
    height, width, _ = _head(image) or (0, 0, False)
    return height * width


def _head(image: ImageSource) -> tuple[int, int, bool] | None:
    """Height, width, and whether there are more than 8 bits; None of what cannot be read."""
    try:
        if not isinstance(image, (str, os.PathLike, Image.Image)):
            array = channels_last(as_array(image, "photo"), "photo")
            return (*array.shape[:2], array.dtype != np.uint8) if array.size else None
        form = stored_form(image)
    except Exception:  # Pillow's header readers raise whatever their format's parser met
        return None
    sides = (form.height, form.width) if form.orientation < 5 else (form.width, form.height)
    return (*sides, form.mode.startswith(("I", "F"))) if all(sides) else None
