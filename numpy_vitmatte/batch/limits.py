"""Limits of a job: the number of pixels and the memory that it may take. Neither changes an alpha."""

from dataclasses import dataclass

from numpy_vitmatte.errors import VitMatteError
from numpy_vitmatte.images.pixel_limit import MAX_PIXELS
from numpy_vitmatte.pipeline.estimate import estimate_memory

_SMALLEST = 32
"""Pixels a side of the photo that the command itself mattes before it starts its workers, and of the smallest one."""


@dataclass(frozen=True)
class Limits:
    """Limits of one photo's work. The folder's record does not hold them: a run may be resumed with others.

    Attributes
    ----------
    max_pixels : int
        Files that unpack to more are refused; 0: no limit.
    max_memory : int or None
        Bytes that the process with the photo may take at its peak; None: no limit.
    """

    max_pixels: int = MAX_PIXELS
    max_memory: int | None = None


def worker_share(max_memory: int, workers: int, model: str) -> int:
    """Divide a memory budget among a command and its workers, so that all of them together stay below it.

    Parameters
    ----------
    max_memory : int
        Bytes for all processes together. Memory that they share, such as the code of libraries, is counted for each.
    workers : int
    model : str
        Name or directory of the checkpoint, which each process loads for itself.

    Returns
    -------
    int
        Bytes for each worker.

    Raises
    ------
    VitMatteError
        The share is less than the smallest photo takes; the message says how much would do.
    """
    least = estimate_memory(_SMALLEST, _SMALLEST, model)
    share = (max_memory - least) // workers
    if share < least:
        raise VitMatteError(
            f"{max_memory // 1_000_000}MB of memory are not enough for the command and {workers} worker"
            f"{'s' * (workers > 1)}, which take {-(-least // 1_000_000)}MB each before they have a photo; allow "
            f"{-(-least * (1 + workers) // 1_000_000)}MB and more{', or take fewer workers' * (workers > 1)}"
        )
    return share
