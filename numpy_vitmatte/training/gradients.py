"""Loss and gradients of a batch: the one door that model and fine-tuning go through, whatever computes behind it."""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from numpy_vitmatte.configuration import VitMatteConfig
from numpy_vitmatte.network.parameters import NetworkParameters
from numpy_vitmatte.training.decoder_gradients import decoder_gradients, features_of
from numpy_vitmatte.training.labels import checked_labels
from numpy_vitmatte.training.losses import Loss, authors_loss
from numpy_vitmatte.training.optimizer import trainable
from numpy_vitmatte.training.reference_gradients import reference_gradients

Array = NDArray[np.floating]
LossFunction = Callable[[Array, Array, NDArray[np.bool_]], Loss]


def loss_and_gradients(
    images: Array,
    labels: ArrayLike,
    tensors: dict[str, Array],
    network: NetworkParameters,
    config: VitMatteConfig,
    *,
    train: str = "*",
    frozen_norms: bool = True,
    loss: LossFunction = authors_loss,
) -> tuple[Loss, dict[str, Array]]:
    """Compute a batch's loss and its gradients by the tensors that a pattern names.

    Parameters
    ----------
    images : float32 array (B, H, W, 4)
        The batch in the network's layout.
    labels : float array (B, 1, H, W)
        True alphas, 0 to 1.
    tensors : dict of str to float32 array
        Every tensor of the network.
    network : NetworkParameters
        The same tensors, packed. If only the decoder is trained, they need to agree for the backbone alone.
    config : VitMatteConfig
    train : str
        Names of tensors, as :func:`~numpy_vitmatte.training.optimizer.trainable` understands them. If it names none of
        the backbone's, the backward pass ends at the decoder's input.
    frozen_norms : bool
        True: batch norms use their stored statistics. False: those of the batch, and the stored ones move towards
        them, in place.
    loss : function
        :func:`~numpy_vitmatte.training.losses.authors_loss` or
        :func:`~numpy_vitmatte.training.losses.recipe_loss`, of all images at once.

    Returns
    -------
    loss : Loss
    gradients : dict of str to float32 array
        Under checkpoint names. Tensors on which no alpha depends are left out.

    Raises
    ------
    VitMatteError
        If labels, pattern or pixels are refused, or the images are smaller than the loss needs.
    """
    chosen = trainable(tensors, train)
    alphas, unknown = checked_labels(labels, images[..., 3])
    if any(name.startswith("backbone.") for name in chosen):
        pixel_values = images.transpose(0, 3, 1, 2)
        return reference_gradients(pixel_values, labels, tensors, config, loss, train, frozen_norms)
    found, gradients = decoder_gradients(
        images,
        features_of(images, network),
        tensors,
        config,
        lambda predicted: loss(predicted, alphas, unknown),
        frozen_norms=frozen_norms,
    )
    return found, {name: gradients[name] for name in chosen}
