"""Loss and gradients of a batch in plain NumPy: the fast ones are tested against them."""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from numpy_vitmatte import reference
from numpy_vitmatte.configuration import VitMatteConfig
from numpy_vitmatte.reference_backward import vitmatte_backward
from numpy_vitmatte.training.batch_statistics import own_statistics, update_running_statistics
from numpy_vitmatte.training.labels import checked_labels
from numpy_vitmatte.training.losses import Loss, authors_loss
from numpy_vitmatte.training.optimizer import trainable

Array = NDArray[np.floating]


def reference_gradients(
    pixel_values: Array,
    labels: ArrayLike,
    tensors: dict[str, Array],
    config: VitMatteConfig,
    loss: Callable[[Array, Array, NDArray[np.bool_]], Loss] = authors_loss,
    train: str = "*",
    frozen_norms: bool = True,
) -> tuple[Loss, dict[str, Array]]:
    """Compute the gradients of a batch's loss by the tensors.

    Parameters
    ----------
    pixel_values : float array (B, 4, H, W)
        Pixel values, as ``VitMatteForImageMatting`` takes them.
    labels : float array (B, 1, H, W)
        True alphas, 0 to 1.
    tensors : dict of str to float array
        Every tensor of the network, in the float type of ``pixel_values``, which gradients get as well.
    config : VitMatteConfig
    loss : function
        ``authors_loss`` or ``recipe_loss``, of all images at once.
    train : str
        Names of tensors, as :func:`~numpy_vitmatte.training.optimizer.trainable` understands them.
    frozen_norms : bool
        True: batch norms use their stored statistics. False: those of the batch, and the stored ones move towards
        them, in place, as :func:`~numpy_vitmatte.training.batch_statistics.update_running_statistics` does.

    Returns
    -------
    loss : Loss
        Its gradient is that by the alphas, (B, H, W).
    gradients : dict of str to float array
        Gradients by the chosen tensors. Those on which no alpha depends, such as blocks behind the features, are left
        out.

    Raises
    ------
    VitMatteError
        If :func:`~numpy_vitmatte.training.labels.checked_labels`, ``trainable`` or the loss refuse an argument.
    """
    alphas, unknown = checked_labels(labels, pixel_values[:, 3])
    chosen = trainable(tensors, train)
    images = pixel_values.transpose(0, 2, 3, 1)  # [B, 4, H, W] -> [B, H, W, 4]
    predicted, kept = _run(images, tensors, config)
    used: dict[str, Array] = tensors
    pixels: dict[str, int] = {}
    if not frozen_norms:
        used, pixels = own_statistics(images, kept, tensors, config)
        predicted, kept = _run(images, used, config)
    found = loss(predicted, alphas, unknown)
    _, gradients = vitmatte_backward(found.gradient, images, used, config, kept, training=not frozen_norms)
    update_running_statistics(tensors, used, pixels)  # last, so that a loss that is refused changes nothing
    return found, {name: gradients[name] for name in chosen if name in gradients}


def _run(images: Array, tensors: dict[str, Array], config: VitMatteConfig) -> tuple[Array, dict[str, Array]]:
    """Compute the alphas of all images, and stack what was recorded of each of them."""
    recordings: list[dict[str, Array]] = [{} for _ in images]
    alphas = [
        reference.vitmatte(image, tensors, config, kept.setdefault)
        for image, kept in zip(images, recordings, strict=True)
    ]
    return np.stack(alphas), {name: np.stack([kept[name] for kept in recordings]) for name in recordings[0]}
