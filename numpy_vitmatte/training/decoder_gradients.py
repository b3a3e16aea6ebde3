"""Gradients of the decoder alone: the backbone runs as it always does, and the backward pass ends at its features."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from numpy_vitmatte import reference, reference_backward
from numpy_vitmatte.configuration import VitMatteConfig
from numpy_vitmatte.network.forward_pass import embeddings, transformer
from numpy_vitmatte.network.parameters import NetworkParameters
from numpy_vitmatte.reference import under
from numpy_vitmatte.reference_backward import above
from numpy_vitmatte.training.batch_statistics import features_name, own_statistics, update_running_statistics
from numpy_vitmatte.training.losses import Loss

Array = NDArray[np.floating]


def features_of(images: Array, network: NetworkParameters) -> Array:
    """Compute the tokens that the decoder reads, with the fast kernels.

    Parameters
    ----------
    images : float32 array (B, H, W, 4)
    network : NetworkParameters

    Returns
    -------
    float32 array (B, H / 16, W / 16, C)

    Raises
    ------
    VitMatteError
        If a pixel is NaN, infinite or beyond a million.
    """
    tokens = (embeddings(image, network.backbone) for image in images)
    return np.stack([transformer(each, network.backbone, network.feature_index) for each in tokens])


def decoder_gradients(
    images: Array,
    features: Array,
    tensors: dict[str, Array],
    config: VitMatteConfig,
    loss: Callable[[Array], Loss],
    *,
    frozen_norms: bool,
) -> tuple[Loss, dict[str, Array]]:
    """Compute the gradients of a batch's loss by the decoder's tensors.

    Parameters
    ----------
    images : float array (B, H, W, 4)
    features : float array (B, H / 16, W / 16, C)
        The hidden states that the decoder reads, see :func:`features_of`.
    tensors : dict of str to float array
        Every tensor of the network, or those of the decoder.
    config : VitMatteConfig
    loss : function
        Gives the loss of the alphas (B, H, W).
    frozen_norms : bool
        As for :func:`~numpy_vitmatte.training.reference_gradients.reference_gradients`.

    Returns
    -------
    loss : Loss
    gradients : dict of str to float array
        By every tensor of the decoder but the statistics of its batch norms, under checkpoint names.
    """
    eps, training = config.batch_norm_eps, not frozen_norms
    used, pixels = tensors, dict[str, int]()
    if training:
        used, pixels = own_statistics(images, {features_name(config): features}, tensors, config)
    stream, head = under(used, "decoder.convstream."), under(used, "decoder.matting_head.")
    details, inputs = reference.convstream(images, stream, eps), [features]  # D0, D1, D2, D3
    for index, detail in enumerate(reversed(details)):  # D3 first
        inputs.append(reference.fusion_block(inputs[-1], detail, under(used, _fusion(index)), eps))
    found = loss(reference.matting_head(inputs[-1], head))
    d, dhead = reference_backward.matting_head_backward(found.gradient, inputs[-1], head, training)
    gradients, ddetails = above(dhead, "decoder.matting_head."), []
    for index, detail in zip(reversed(range(len(details))), details, strict=True):  # D0 first
        part = under(used, _fusion(index))
        d, ddetail, dw = reference_backward.fusion_block_backward(d, inputs[index], detail, part, eps, training)
        ddetails.append(ddetail)
        gradients |= above(dw, _fusion(index))
    _, dstream = reference_backward.convstream_backward(ddetails, images, stream, eps, training)
    update_running_statistics(tensors, used, pixels)  # last, so that a loss that is refused changes nothing
    return found, gradients | above(dstream, "decoder.convstream.")


def _fusion(index: int) -> str:
    return f"decoder.fusion_blocks.{index}."
