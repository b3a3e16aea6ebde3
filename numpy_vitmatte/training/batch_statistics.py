"""Batch norms in training: they normalize by the statistics of the images at hand, and remember an average.

Ioffe and Szegedy 2015 (arXiv:1502.03167). A forward pass in training mode is the ordinary one with other weights: those
whose stored statistics are the images' own. ``reference_backward`` is told so by ``training=True``.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from numpy_vitmatte import reference
from numpy_vitmatte.configuration import VitMatteConfig

Tensors = dict[str, NDArray[np.floating]]

MOMENTUM = 0.1
"""Share of the images' statistics in the average, PyTorch's default."""

_HEAD = "decoder.matting_head.matting_convs."


def own_statistics(
    images: NDArray[np.floating],
    kept: Mapping[str, NDArray[np.floating]],
    weights: Mapping[str, NDArray[np.floating]],
    config: VitMatteConfig,
) -> tuple[Tensors, dict[str, int]]:
    """Return the weights with the statistics of a batch in place of the stored ones.

    Parameters
    ----------
    images : float array (B, H, W, 4) or (H, W, 4)
        The images, each as ``reference.vitmatte`` takes it.
    kept : mapping of str to float array
        Results that ``reference.vitmatte`` recorded for them, stacked if they are. Only that of
        :func:`features_name` is used: no batch norm lies before it.
    weights : mapping of str to float array
        Every tensor of the network; none is changed.
    config : VitMatteConfig

    Returns
    -------
    weights : dict of str to float array
        The same tensors but for every ``running_mean`` and ``running_var``: mean and variance over the
        pixels of all images.
    pixels : dict of str to int
        The number of pixels behind each of them, by the norm's name with a dot at its end.
    """
    tensors, pixels, epsilon = dict(weights), {}, config.batch_norm_eps

    def measure(norm: str, x: NDArray[np.floating]) -> None:
        tensors[f"{norm}running_mean"], tensors[f"{norm}running_var"] = _over_pixels(x)
        pixels[norm] = x.size // x.shape[-1]

    def layer(x: NDArray[np.floating], name: str, stride: int) -> NDArray[np.floating]:
        measure(f"{name}batch_norm.", reference.conv(x, reference.under(tensors, f"{name}conv."), stride, padding=1))
        return reference.conv_norm_relu(x, reference.under(tensors, name), stride, epsilon)

    details = [images]
    for index in range(len(config.convstream_hidden_sizes)):
        details.append(layer(details[-1], f"decoder.convstream.convs.{index}.", stride=2))
    x = kept[features_name(config)]
    for index, detail in enumerate(reversed(details)):
        joined = np.concatenate([detail, reference.upsample2(x)], axis=-1)
        x = layer(joined, f"decoder.fusion_blocks.{index}.conv.", stride=1)
    measure(f"{_HEAD}1.", reference.conv(x, reference.under(tensors, f"{_HEAD}0."), padding=1))
    return tensors, pixels


def features_name(config: VitMatteConfig) -> str:
    """Return the name under which ``reference.vitmatte`` records the hidden state that the decoder reads."""
    index = config.backbone_config.feature_index
    return f"backbone.encoder.layer.{index - 1}" if index else "backbone.embeddings"


def _over_pixels(x: NDArray[np.floating]) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Compute mean and variance of every channel."""
    everywhere = tuple(range(x.ndim - 1))
    return x.mean(axis=everywhere), x.var(axis=everywhere)


def update_running_statistics(
    weights: Tensors, own: Mapping[str, NDArray[np.floating]], pixels: Mapping[str, int], momentum: float = MOMENTUM
) -> None:
    """Move the stored statistics towards those of a batch, as PyTorch's ``BatchNorm2d`` does in training mode.

    Parameters
    ----------
    weights : dict of str to float array
        Changed in place: each ``running_mean`` and ``running_var``.
    own, pixels : mapping
        The results of :func:`own_statistics`. The variance that is remembered is the unbiased one, n / (n - 1) of it.
    momentum : float
        0 keeps the stored statistics, 1 forgets them.
    """
    for norm, count in pixels.items():
        mean, variance = weights[f"{norm}running_mean"], weights[f"{norm}running_var"]
        mean += momentum * (own[f"{norm}running_mean"] - mean)
        variance += momentum * (own[f"{norm}running_var"] * (count / (count - 1)) - variance)
