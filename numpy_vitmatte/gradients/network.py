"""Loss and gradients of a batch: forward with what the gradients need, the loss, backward."""

from collections.abc import Callable, Collection, Mapping
from typing import NamedTuple

import numpy as np

from numpy_vitmatte.configuration import VitMatteConfig
from numpy_vitmatte.gradients.batch_decoder import BatchDecoder
from numpy_vitmatte.gradients.block import BlockStates, block_backward, transformer_block
from numpy_vitmatte.gradients.decoder import DecoderGradient, decoder
from numpy_vitmatte.gradients.embeddings import embeddings_backward
from numpy_vitmatte.gradients.linear import Tensors
from numpy_vitmatte.network.forward_pass import embeddings, transformer
from numpy_vitmatte.network.parameters import NetworkParameters
from numpy_vitmatte.reference import under
from numpy_vitmatte.reference_backward import above
from numpy_vitmatte.training.losses import Loss


class Weights(NamedTuple):
    """The weights of a network, in both forms.

    Attributes
    ----------
    tensors : mapping of str to float32 array
        As a checkpoint stores them.
    network : NetworkParameters
        The same, packed for the kernels.
    config : VitMatteConfig
    """

    tensors: Mapping[str, np.ndarray]
    network: NetworkParameters
    config: VitMatteConfig


class Found(NamedTuple):
    """Alphas, loss and gradients of a batch.

    Attributes
    ----------
    alphas : float32 array (B, H, W)
    loss : Loss
    gradients : dict of str to float32 array
        Gradients by the chosen tensors. Those on which no alpha depends are left out.
    statistics : dict of str to float64 array
        Mean and variance of every batch norm over the batch, under the names of the stored ones; empty where norms
        were frozen.
    pixels : dict of str to int
        The number of pixels behind each of them, by the norm's name with a dot at its end.
    """

    alphas: np.ndarray
    loss: Loss
    gradients: Tensors
    statistics: Mapping[str, np.ndarray]
    pixels: Mapping[str, int]


def network_gradients(
    images: np.ndarray,
    weights: Weights,
    loss: Callable[[np.ndarray], Loss],
    chosen: Collection[str],
    frozen_norms: bool = True,
) -> Found:
    """Compute the gradients of a batch's loss.

    Parameters
    ----------
    images : float32 array (B, H, W, 4)
        Normalized RGB and trimap / 255; H and W are multiples of the patch size.
    weights : Weights
    loss : function
        Gets the alphas (B, H, W) of all images, and returns their loss with its gradient by them.
    chosen : collection of str
        Names of the tensors that are trained. If they all are the decoder's, nothing goes back through the backbone.
    frozen_norms : bool
        True: batch norms use their stored statistics. False: those of the batch.

    Returns
    -------
    Found

    Raises
    ------
    VitMatteError
        If a pixel is NaN, infinite or beyond a million, or if ``loss`` refuses the alphas.
    """
    through_backbone = any(name.startswith("backbone.") for name in chosen)
    features, blocks = _backbone(images, weights, through_backbone)
    through_decoder = _decoder_with_stored_statistics if frozen_norms else _decoder_with_own_statistics
    found, dfeatures = through_decoder(features, images, weights, loss)
    gradients = found.gradients
    if through_backbone:
        gradients |= above(_backbone_backward(dfeatures, images, weights, blocks), "backbone.")
    return found._replace(gradients={name: gradients[name] for name in chosen if name in gradients})


def _decoder_with_stored_statistics(
    features: np.ndarray, images: np.ndarray, weights: Weights, loss: Callable[[np.ndarray], Loss]
) -> tuple[Found, np.ndarray]:
    """Return what was found, with gradients by the decoder, and those by the features (B, h, w, C)."""
    kept = [decoder(own, image, weights.network.decoder) for own, image in zip(features, images, strict=True)]
    alphas = np.stack([states.alpha for states in kept])
    found = loss(alphas)
    stored = under(weights.tensors, "decoder.")
    by_decoder = DecoderGradient(stored, features.shape[-1], weights.config.batch_norm_eps)
    dfeatures = np.stack([by_decoder.add(dalpha, kept.pop(0)) for dalpha in found.gradient])
    return Found(alphas, found, above(by_decoder.gradients(), "decoder."), {}, {}), dfeatures


def _decoder_with_own_statistics(
    features: np.ndarray, images: np.ndarray, weights: Weights, loss: Callable[[np.ndarray], Loss]
) -> tuple[Found, np.ndarray]:
    """Return the same where batch norms use the statistics of the batch."""
    run = BatchDecoder(under(weights.tensors, "decoder."), features, images, weights.config.batch_norm_eps)
    found = loss(run.alphas)
    dfeatures, gradients = run.backward(found.gradient)
    norms = above(run.norms, "decoder.")
    statistics = {f"{name}running_mean": norm.mean for name, norm in norms.items()}
    statistics |= {f"{name}running_var": norm.variance for name, norm in norms.items()}
    pixels = {name: norm.pixels for name, norm in norms.items()}
    return Found(run.alphas, found, above(gradients, "decoder."), statistics, pixels), dfeatures


def _backbone(images: np.ndarray, weights: Weights, keep: bool) -> tuple[np.ndarray, list[BlockStates]]:
    """Compute the features (B, h, w, C), and what each block keeps; nothing unless ``keep``."""
    backbone, index = weights.network.backbone, weights.network.feature_index
    blocks: list[BlockStates] = []
    x = np.stack([embeddings(image, backbone) for image in images])
    if not keep:
        return np.stack([transformer(tokens, backbone, index) for tokens in x]), blocks
    for number, block in enumerate(backbone.blocks[:index]):
        x, states = transformer_block(x, block, under(weights.tensors, f"backbone.encoder.layer.{number}."))
        blocks.append(states)
    return x, blocks


def _backbone_backward(d: np.ndarray, images: np.ndarray, weights: Weights, blocks: list[BlockStates]) -> Tensors:
    """Go back through the blocks, each of which is forgotten, to the patches."""
    dw: Tensors = {}
    for index in reversed(range(len(blocks))):
        name = f"encoder.layer.{index}."
        block, own = weights.network.backbone.blocks[index], under(weights.tensors, f"backbone.{name}")
        d, dlayer = block_backward(d, blocks.pop(), block, own)
        dw |= above(dlayer, name)
    return dw | above(embeddings_backward(d, images, under(weights.tensors, "backbone.embeddings.")), "embeddings.")
