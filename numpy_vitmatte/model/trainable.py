"""Gradients and new numbers of a model's tensors, under the names of the checkpoint: all that training asks of it."""

import re
from collections.abc import Callable, Mapping
from functools import partial

import numpy as np

from numpy_vitmatte.configuration import VitMatteConfig
from numpy_vitmatte.errors import CheckpointError
from numpy_vitmatte.gradients.network import Weights, network_gradients
from numpy_vitmatte.model.inputs import as_array, checked_pixels
from numpy_vitmatte.network.parameters import pack_backbone, pack_decoder
from numpy_vitmatte.network.precision import PackedNetworks
from numpy_vitmatte.reference import under
from numpy_vitmatte.runtime.threads import run_all
from numpy_vitmatte.training.batch_statistics import update_running_statistics
from numpy_vitmatte.training.labels import checked_labels
from numpy_vitmatte.training.losses import Loss, authors_loss
from numpy_vitmatte.training.optimizer import trainable

# Position embeddings are interpolated when they are used; everything else is laid out anew for the kernels.
_TABLE = re.compile(r"(position_embeddings|rel_pos_[hw])$")


def with_own_tables(tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Copy the tensors that packing would keep as they are: the model must not change with a file or an array."""
    return {name: np.array(tensor) if _TABLE.search(name) else tensor for name, tensor in tensors.items()}


LossFunction = Callable[[np.ndarray, np.ndarray, np.ndarray], Loss]
"""Gives the loss of alphas against the true ones, with the mask of what is unknown, each (B, H, W)."""


class TrainableModel:
    """The part of a model that training uses; the model itself has the attributes."""

    config: VitMatteConfig
    tensors: dict[str, np.ndarray]
    _networks: PackedNetworks

    def gradients(
        self,
        pixel_values: np.ndarray,
        labels: np.ndarray,
        *,
        train: str = "*",
        frozen_norms: bool = True,
        loss: LossFunction = authors_loss,
    ) -> tuple[float, dict[str, np.ndarray]]:
        """Compute the loss of a batch, and its gradient by every tensor that is trained.

        Parameters
        ----------
        pixel_values : float array or tensor of torch (B, 4, H, W)
            Those that the model is called with; at least 64 pixels high and wide.
        labels : float array or tensor of torch (B, 1, H, W)
            True alphas, 0 to 1.
        train : str
            A shell's pattern of tensor names: ``"*"``, ``"decoder.*"``. If it names none of the backbone's, the
            backward pass ends at the decoder's input.
        frozen_norms : bool
            True: batch norms use their stored statistics, as when the model is called. False: those of the batch, and
            the model's stored ones move towards them by a tenth, as in PyTorch's training mode.
        loss : function
            :func:`~numpy_vitmatte.training.losses.authors_loss` or
            :func:`~numpy_vitmatte.training.losses.recipe_loss`.

        Returns
        -------
        value : float
            The loss.
        gradients : dict of str to float32 array
            Under the names of ``tensors``. Statistics of batch norms have none, nor have tensors on which no alpha
            depends.

        Raises
        ------
        VitMatteError
            As the call of the model raises it; if no tensor has such a name; if
            :func:`~numpy_vitmatte.training.labels.checked_labels` refuses the labels.
        CheckpointError
            If the model was loaded to compute alphas only, and has no tensors.
        """
        self._require_tensors()
        backbone = self.config.backbone_config
        images = checked_pixels(pixel_values, backbone.num_channels, backbone.patch_size)
        chosen, (alphas, unknown) = trainable(self.tensors, train), checked_labels(as_array(labels), images[..., 3])
        weights = Weights(self.tensors, self._networks.of("highest"), self.config)

        def of_alphas(predicted: np.ndarray) -> Loss:
            return loss(predicted, alphas, unknown)

        found = network_gradients(images, weights, of_alphas, chosen, frozen_norms)
        if not frozen_norms:
            moved = {name: self.tensors[name].copy() for name in found.statistics}
            update_running_statistics(moved, found.statistics, found.pixels)
            self.update_parameters(moved)
        return found.loss.value, found.gradients

    def update_parameters(self, tensors: Mapping[str, np.ndarray]) -> None:
        """Replace tensors of the model, and pack those anew; its file stays as it is.

        Packing costs far less than a forward pass. Backbone or decoder is left alone if none of its tensors is given.
        Calls that run meanwhile in other threads end with the tensors with which they began.

        Parameters
        ----------
        tensors : mapping of str to float array
            Some or all of ``tensors``, of the same shapes; copied, as float32.

        Raises
        ------
        CheckpointError
            If a name is none of the model's, or a tensor has another shape or values that are not finite; then nothing
            is replaced. If the model was loaded to compute alphas only.
        """
        self._require_tensors()
        copies = run_all([partial(self._checked_copy, name, tensor) for name, tensor in tensors.items()])
        new = dict(zip(tensors, copies, strict=True))
        merged, network = self.tensors | new, self._networks.of("highest")
        packable = with_own_tables(merged)
        if any(name.startswith("backbone.") for name in new):
            backbone = pack_backbone(under(packable, "backbone."), self.config.backbone_config)
            network = network._replace(backbone=backbone)
        if any(name.startswith("decoder.") for name in new):
            network = network._replace(decoder=pack_decoder(under(packable, "decoder."), self.config))
        self.tensors, self._networks = merged, PackedNetworks(network)

    def _checked_copy(self, name: str, values: np.ndarray) -> np.ndarray:
        """Copy a new tensor, as one that may not be written."""
        tensor = np.array(values, np.float32)
        if name not in self.tensors:
            raise CheckpointError(f"the network has no tensor {name!r}; model.tensors lists those that it has")
        if tensor.shape != self.tensors[name].shape:
            raise CheckpointError(f"{name} has shape {tensor.shape}; expected {self.tensors[name].shape}")
        if not np.isfinite(tensor).all():
            raise CheckpointError(f"{name} holds NaN or infinite values; every number must be finite")
        tensor.flags.writeable = False
        return tensor

    def _require_tensors(self) -> None:
        if not self.tensors:
            raise CheckpointError(
                "this model was loaded to compute alphas only; VitMatteForImageMatting.from_pretrained loads one that "
                "can be trained"
            )
