"""The memory of a whole job, from the photo's size alone."""

import numpy as np

from numpy_vitmatte.checkpoint.weights import bytes_not_mapped
from numpy_vitmatte.configuration import CONFIG_FILE, VitMatteConfig
from numpy_vitmatte.errors import VitMatteError, shown
from numpy_vitmatte.hub.resolve import checkpoint_directory
from numpy_vitmatte.images.header import PhotoHeader
from numpy_vitmatte.model import VitMatteForImageMatting
from numpy_vitmatte.network.memory import parse_bytes
from numpy_vitmatte.pipeline.loaded_checkpoint import DEFAULT_MODEL, ModelSource, own_processor
from numpy_vitmatte.pipeline.memory import Extras, NetworkUse, plan_memory
from numpy_vitmatte.pipeline.network_size import network_size
from numpy_vitmatte.processing import VitMatteImageProcessor
from numpy_vitmatte.processing.profiles import profile_processor


def estimate_memory(
    height: int,
    width: int,
    model: ModelSource = DEFAULT_MODEL,
    max_memory: int | str | None = None,
    *,
    max_side: int | None = None,
    upscale: float | None = None,
    trust: bool = False,
    profile: str = "hf",
) -> int:
    """Predict how much memory a process takes that mattes one photo of 8 bits, with its kernels compiled before.

    Parameters
    ----------
    height, width : int
        Pixels of the photo.
    model : str, path or VitMatteForImageMatting
        See :func:`~numpy_vitmatte.matte`. No weights are read.
    max_memory : int or str, optional
        See :func:`~numpy_vitmatte.matte`.
    max_side : int, optional
    upscale : float, optional
        Both as for :func:`~numpy_vitmatte.matte`.
    trust : bool
        A trust map is made too, as :func:`~numpy_vitmatte.matte_with_trust` does.
    profile : {"hf", "hustvl"}
        See :func:`~numpy_vitmatte.matte`. It decides the padding.

    Returns
    -------
    int
        Bytes of resident memory at the peak.

    Raises
    ------
    VitMatteError
        If a side is not positive, the checkpoint cannot be used, or the job does not fit ``max_memory``.
    """
    if not (isinstance(height, (int, np.integer)) and isinstance(width, (int, np.integer))):
        raise VitMatteError(f"height and width are whole numbers; found {shown(height)} and {shown(width)}")
    if height < 1 or width < 1:
        raise VitMatteError(f"a photo of {width} x {height} pixels has none; give positive sides")
    limit = None if max_memory is None else parse_bytes(max_memory)
    network = _network_of(model, profile_processor(profile))
    size = network_size(height, width, max_side, upscale)
    return plan_memory(PhotoHeader(height, width, wide=False), size, network, limit, Extras(trust=trust)).peak_bytes


def _network_of(model: ModelSource, processor: VitMatteImageProcessor | None) -> NetworkUse:
    """Return the sizes of a network whose weights need not be loaded."""
    if isinstance(model, VitMatteForImageMatting):
        return NetworkUse(model.config, model.weights_in_memory, processor or own_processor(model))
    directory = checkpoint_directory(model)
    processor = processor or VitMatteImageProcessor.from_directory(directory)
    return NetworkUse(VitMatteConfig.from_json_file(directory / CONFIG_FILE), bytes_not_mapped(directory), processor)
