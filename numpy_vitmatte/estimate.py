"""The memory of a whole job, from the photo's size alone."""

from numpy_vitmatte.checkpoint.location import checkpoint_directory
from numpy_vitmatte.configuration import VitMatteConfig
from numpy_vitmatte.errors import VitMatteError
from numpy_vitmatte.memory import parse_bytes, plan_budget
from numpy_vitmatte.model import VitMatteForImageMatting
from numpy_vitmatte.pipeline import DEFAULT_MODEL, ModelSource
from numpy_vitmatte.processing import VitMatteImageProcessor


def estimate_memory(
    height: int, width: int, model: ModelSource = DEFAULT_MODEL, max_memory: int | str | None = None
) -> int:
    """Predict how much memory a process takes that mattes one photo, with its kernels compiled before.

    Parameters
    ----------
    height, width : int
        Of the photo, in pixels.
    model : str, path or VitMatteForImageMatting
        As for :func:`~numpy_vitmatte.matte`; of a checkpoint only the configuration is read.
    max_memory : int or str, optional
        As for :func:`~numpy_vitmatte.matte`.

    Returns
    -------
    int
        Bytes of resident memory at the peak.

    Raises
    ------
    VitMatteError
        If a side is not positive, the checkpoint cannot be used, or the job does not fit ``max_memory``.
    """
    if height < 1 or width < 1:
        raise VitMatteError(f"a photo of {width} x {height} pixels has none; give positive sides")
    if isinstance(model, VitMatteForImageMatting):
        config, directory = model.config, model.directory
    else:
        directory = checkpoint_directory(model)
        config = VitMatteConfig.from_pretrained(directory)
    processor = VitMatteImageProcessor() if directory is None else VitMatteImageProcessor.from_pretrained(directory)
    divisor = processor.size_divisor
    padded_height, padded_width = (-(-side // divisor) * divisor for side in (height, width))
    limit = None if max_memory is None else parse_bytes(max_memory)
    return plan_budget(padded_height, padded_width, config, limit, pixels=height * width).peak
