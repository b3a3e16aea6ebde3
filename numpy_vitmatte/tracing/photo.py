"""Trace a photo, or pixel values that a processor has made already."""

import os

import numpy as np

from numpy_vitmatte.images.reading import ImageSource
from numpy_vitmatte.model import VitMatteForImageMatting
from numpy_vitmatte.network.forward_pass import require_moderate
from numpy_vitmatte.network.precision import with_precision
from numpy_vitmatte.pipeline.inputs import read_input
from numpy_vitmatte.pipeline.loaded_checkpoint import DEFAULT_MODEL, ModelSource, loaded_checkpoint
from numpy_vitmatte.processing import VitMatteImageProcessor
from numpy_vitmatte.runtime.precision import checked_precision
from numpy_vitmatte.tracing.network import trace_image


def trace(
    image: ImageSource,
    trimap: ImageSource,
    model: ModelSource = DEFAULT_MODEL,
    *,
    processor: VitMatteImageProcessor | None = None,
    fine: bool = False,
    depth: int | None = None,
    precision: str | None = None,
) -> dict[str, np.ndarray]:
    """Compute every layer's output for a photo.

    Parameters
    ----------
    image, trimap, model, processor, depth
        The same as those of :func:`~numpy_vitmatte.pipeline.matte`.
    fine : bool
        Also return the steps inside the layers; see :func:`trace_pixel_values`.
    precision : {"highest", "high", "medium"}, optional
        The precision of products; see :func:`trace_pixel_values`.

    Returns
    -------
    dict of str to float32 array
        See :func:`trace_pixel_values`. The arrays belong to the padded photo, and the alphas are the network's own,
        also where the trimap knows the answer.

    Raises
    ------
    VitMatteError
        If the photo, the trimap or the checkpoint cannot be used, or there is no such precision; the message says why.
    """
    pair = read_input(image, trimap, depth=depth)
    if isinstance(model, (str, os.PathLike)):  # the one that is kept for alphas has no tensors but the packed ones
        model = VitMatteForImageMatting.from_pretrained(model)
    checkpoint = loaded_checkpoint(model, processor)
    inputs = checkpoint.processor(images=pair.photo.in_srgb(), trimaps=pair.trimap, input_data_format="channels_last")
    return trace_pixel_values(inputs["pixel_values"], checkpoint.model, fine=fine, precision=precision)


def trace_pixel_values(
    pixel_values: np.ndarray,
    model: VitMatteForImageMatting,
    *,
    fine: bool = False,
    precision: str | None = None,
) -> dict[str, np.ndarray]:
    """Compute every layer's output for a batch.

    Parameters
    ----------
    pixel_values : float array (B, 4, H, W)
        Pixel values from :class:`~numpy_vitmatte.processing.processor.VitMatteImageProcessor`.
    model : VitMatteForImageMatting
    fine : bool
        Also the projections, convolutions and norms inside the layers, and the attention probabilities, which take
        ``4 * heads * (H * W / 256)**2`` bytes for each image and global block.
    precision : {"highest", "high", "medium"}, optional
        The precision of products; by default the model's. NumPy rounds what the kernels would round, also where this
        processor gains nothing from the precision and ``matte`` computes in a better one.

    Returns
    -------
    dict of str to float32 array
        ``pixel_values``, then the layers in the order of computation under the names of transformers' modules and in
        their layouts (``docs/trace.md``), ``alphas`` last.

    Raises
    ------
    VitMatteError
        If ``pixel_values`` cannot be used, as when the model is called, or there is no such precision.
    """
    wanted = model.precision if precision is None else checked_precision(precision)
    images = model.checked_pixels(pixel_values)
    require_moderate(images)
    packed = None if wanted == "highest" else with_precision(model.network("highest"), wanted)
    traced = [trace_image(image, model.tensors, model.config, fine, packed) for image in images]
    if len(traced) == 1:
        return traced[0]
    # The first axis is the batch. For windows it is the windows of all images, image by image.
    return {name: np.concatenate([layers[name] for layers in traced]) for name in traced[0]}
