"""The memory of a whole job, from the photo's size alone."""

from numpy_vitmatte.checkpoint.weights import bytes_not_mapped
from numpy_vitmatte.configuration import VitMatteConfig
from numpy_vitmatte.errors import VitMatteError
from numpy_vitmatte.hub.resolve import checkpoint_directory
from numpy_vitmatte.matting.downscale import smaller_size
from numpy_vitmatte.model import VitMatteForImageMatting
from numpy_vitmatte.network.memory import parse_bytes, plan_budget
from numpy_vitmatte.pipeline.memory import Work, around_network
from numpy_vitmatte.pipeline.photo_to_alpha import DEFAULT_MODEL, ModelSource
from numpy_vitmatte.processing import VitMatteImageProcessor


def estimate_memory(
    height: int,
    width: int,
    model: ModelSource = DEFAULT_MODEL,
    max_memory: int | str | None = None,
    *,
    max_side: int | None = None,
    trust: bool = False,
) -> int:
    """Predict how much memory a process takes that mattes one photo of 8 bits, with its kernels compiled before.

    Parameters
    ----------
    height, width : int
        Of the photo, in pixels.
    model : str, path or VitMatteForImageMatting
        As for :func:`~numpy_vitmatte.matte`; of a checkpoint no weights are read.
    max_memory : int or str, optional
        As for :func:`~numpy_vitmatte.matte`.
    max_side : int, optional
        As for :func:`~numpy_vitmatte.matte`.
    trust : bool
        With a trust map, as :func:`~numpy_vitmatte.matte_with_trust` makes it.

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
        config, directory, weights = model.config, model.directory, model.weights_in_memory
    else:
        directory = checkpoint_directory(model)
        config, weights = VitMatteConfig.from_pretrained(directory), bytes_not_mapped(directory)
    processor = VitMatteImageProcessor() if directory is None else VitMatteImageProcessor.from_pretrained(directory)
    work = Work(height, width, smaller_size(height, width, max_side), trust=trust)
    limit = None if max_memory is None else parse_bytes(max_memory)
    return plan_budget(*processor.padded_size(*work.small), config, weights, limit, around_network(work)).peak
