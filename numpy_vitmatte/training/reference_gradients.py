"""Loss and gradients of a batch in plain NumPy, image by image: the fast ones are tested against them."""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from numpy_vitmatte import reference
from numpy_vitmatte.configuration import VitMatteConfig
from numpy_vitmatte.reference_backward import vitmatte_backward
from numpy_vitmatte.training.labels import checked_labels
from numpy_vitmatte.training.losses import Loss, authors_loss
from numpy_vitmatte.training.optimizer import trainable

Array = NDArray[np.floating]


def reference_gradients(
    pixel_values: Array,
    labels: ArrayLike,
    tensors: Mapping[str, Array],
    config: VitMatteConfig,
    loss: Callable[[Array, Array, NDArray[np.bool_]], Loss] = authors_loss,
    train: str = "*",
) -> tuple[Loss, dict[str, Array]]:
    """Compute the gradients of a batch's loss by the tensors; batch norms keep their stored statistics.

    Parameters
    ----------
    pixel_values : float array (B, 4, H, W)
        Pixel values, as ``VitMatteForImageMatting`` takes them.
    labels : float array (B, 1, H, W)
        True alphas, 0 to 1.
    tensors : mapping of str to float array
        Every tensor of the network, in the float type of ``pixel_values``, which gradients get as well.
    config : VitMatteConfig
    loss : function
        ``authors_loss`` or ``recipe_loss``, of all images at once.
    train : str
        Names of tensors, as :func:`~numpy_vitmatte.training.optimizer.trainable` understands them.

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
    recordings: list[dict[str, Array]] = [{} for _ in images]
    predicted = [
        reference.vitmatte(image, tensors, config, kept.setdefault)
        for image, kept in zip(images, recordings, strict=True)
    ]
    found = loss(np.stack(predicted), alphas, unknown)
    total: dict[str, Array] = {}
    for dalpha, image, kept in zip(found.gradient, images, recordings, strict=True):
        _, gradients = vitmatte_backward(dalpha, image, tensors, config, kept)
        total = {name: total[name] + gradient if total else gradient for name, gradient in gradients.items()}
    return found, {name: total[name] for name in chosen if name in total}
