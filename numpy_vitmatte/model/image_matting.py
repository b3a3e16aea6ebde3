"""``VitMatteForImageMatting``: the network behind Hugging Face's names, batches and layout."""

import math
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Unpack

import numpy as np

from numpy_vitmatte.checkpoint.initialization import random_parameters
from numpy_vitmatte.checkpoint.tensor_shapes import parameter_shapes
from numpy_vitmatte.checkpoint.weights import map_tensors, read_tensors, write_checkpoint
from numpy_vitmatte.configuration import VitMatteConfig
from numpy_vitmatte.errors import CheckpointError, ConfigurationError, VitMatteError
from numpy_vitmatte.files.saving import LocalFiles, SavingOptions, check_saving
from numpy_vitmatte.hub.file_names import CONFIG_FILE, WEIGHTS
from numpy_vitmatte.hub.resolve import checkpoint_directory
from numpy_vitmatte.images.tensors import is_tensor, tensor_of
from numpy_vitmatte.model.call_options import CallOptions, checked_call
from numpy_vitmatte.model.inputs import as_array, checked_pixels
from numpy_vitmatte.model.loading_options import LoadingOptions, checked_options
from numpy_vitmatte.model.module import InferenceModule
from numpy_vitmatte.model.output import ImageMattingOutput
from numpy_vitmatte.model.trainable import TrainableModel, with_own_tables
from numpy_vitmatte.network.forward_pass import Trace, forward, workspace_size
from numpy_vitmatte.network.memory import plan_network_memory
from numpy_vitmatte.network.parameters import NetworkParameters, pack_network
from numpy_vitmatte.network.precision import PackedNetworks
from numpy_vitmatte.runtime.precision import checked_precision
from numpy_vitmatte.runtime.workspace import kept_workspace
from numpy_vitmatte.training.labels import checked_labels
from numpy_vitmatte.training.losses import authors_loss

# Statistics of batch norms are not trained, so transformers does not count them as parameters.
_STATISTICS = (".running_mean", ".running_var")


def load_packed(directory: Path) -> "VitMatteForImageMatting":
    """Load a checkpoint only to compute alphas: ``tensors`` is empty, which saves as much memory.

    Raises
    ------
    ConfigurationError, CheckpointError
        The errors of :meth:`VitMatteForImageMatting.from_pretrained`.
    """
    config = VitMatteConfig.from_json_file(directory / CONFIG_FILE)
    model = VitMatteForImageMatting(config, map_tensors(directory, config))
    model.directory = directory
    model.tensors = {}
    return model


class VitMatteForImageMatting(TrainableModel, InferenceModule, LocalFiles):
    """ViTMatte: a plain vision transformer and a detail capture decoder (Yao et al. 2023, arXiv:2305.15272).

    A model made from a configuration alone has random weights. Several threads may use one model at once. Between
    calls the process keeps up to 64 MB of memory for the next image of the same size, unless ``max_memory`` is given.

    Parameters
    ----------
    config : VitMatteConfig
    tensors : dict of str to float32 array, optional
        Every tensor of the network under its checkpoint name. By default random ones, as in ``from_config``.
    precision : {"highest", "high", "medium"}, optional
        The precision of products, as in :func:`~numpy_vitmatte.matte`; by default what ``NUMPY_VITMATTE_PRECISION``
        says, or ``"highest"``.

    Attributes
    ----------
    precision : str
        The precision that a call takes unless it names another.
    directory : Path or None
        The checkpoint that ``from_pretrained`` read; the matching processor lies there, too.
    tensors : dict of str to float32 array
        The weights as stored, in memory of their own. Changing them does not change the model, which has packed them:
        :meth:`update_parameters` does.
    """

    def __init__(
        self, config: VitMatteConfig, tensors: dict[str, np.ndarray] | None = None, precision: str | None = None
    ) -> None:
        if not isinstance(config, VitMatteConfig):
            raise ConfigurationError(
                f"config is a {type(config).__name__}; expected a VitMatteConfig. VitMatteConfig.from_dict makes one "
                "of another library's, from_pretrained loads a checkpoint by its name"
            )
        self.config = config
        self.directory: Path | None = None
        self.tensors = random_parameters(config, seed=0) if tensors is None else tensors
        self.precision = checked_precision(precision)
        self._networks = PackedNetworks(pack_network(with_own_tables(self.tensors), config))

    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | os.PathLike[str],
        revision: str | None = None,
        **options: Unpack[LoadingOptions],
    ) -> "VitMatteForImageMatting":
        """Load a checkpoint.

        Parameters
        ----------
        pretrained_model_name_or_path : str or Path
            Name of a bundled checkpoint, such as ``"vitmatte-tiny"``; a folder with ``config.json`` and
            ``model.safetensors`` (or its shards and ``model.safetensors.index.json``); or a name on the Hugging Face
            hub, such as ``"hustvl/vitmatte-small-composition-1k"``, which is downloaded once.
        revision : str, optional
            Branch, tag, commit or pull request (``"refs/pr/3"``) of the hub's repository; by default ``"main"``.
        **options
            Keywords of :class:`~numpy_vitmatte.model.loading_options.LoadingOptions`, and the source of the files:
            :class:`~numpy_vitmatte.hub.options.HubOptions`.

        Raises
        ------
        TypeError
            If there is no such option.
        VitMatteError
            If a device other than the CPU is asked for.
        ConfigurationError
            If ``config.json`` is missing, is not JSON, or describes another network.
        CheckpointError
            If the folder or its weights are missing, or a tensor is missing, unexpected, misshapen, truncated or not
            finite.
        DownloadError
            If the checkpoint is on the hub and cannot be downloaded.
        """
        source, overrides = checked_options(options, revision)
        precision = checked_precision(overrides.pop("precision", None))
        directory = checkpoint_directory(pretrained_model_name_or_path, source, (CONFIG_FILE, WEIGHTS))
        config = replace(
            overrides.pop("config", None) or VitMatteConfig.from_json_file(directory / CONFIG_FILE), **overrides
        )
        model = cls(config, read_tensors(directory, config), precision)
        model.directory = directory
        return model

    @property
    def weights_in_memory(self) -> int:
        """Bytes that ``tensors`` and rounded weights take in addition to the packed weights."""
        return self._networks.rounded_bytes + sum(tensor.nbytes for tensor in self.tensors.values())

    def network(self, precision: str | None = None) -> NetworkParameters:
        """Return the packed weights for a precision, by default the model's; they are made when first asked for."""
        return self._networks.of(self.precision if precision is None else checked_precision(precision))

    @classmethod
    def from_config(cls, config: VitMatteConfig, seed: int = 0) -> "VitMatteForImageMatting":
        """Make a model with random weights, initialized as transformers does; ``seed`` decides them."""
        return cls(config, random_parameters(config, seed))

    def num_parameters(self, only_trainable: bool = False, exclude_embeddings: bool = False) -> int:
        """Count the weights as transformers does: without the batch norms' statistics.

        Parameters
        ----------
        only_trainable, exclude_embeddings : bool
            They change nothing: all weights could be trained, and position tables are not embeddings of words.
        """
        shapes = parameter_shapes(self.config)
        return sum(math.prod(shape) for name, shape in shapes.items() if not name.endswith(_STATISTICS))

    def named_parameters(self) -> Iterator[tuple[str, Any]]:
        """Yield names and weights, the batch norms' statistics left out: tensors where the caller has imported torch.

        Changing them does not change the model.
        """
        for name, tensor in self.tensors.items():
            if not name.endswith(_STATISTICS):
                yield name, tensor_of(tensor.copy()) if "torch" in sys.modules else tensor

    def save_pretrained(
        self, save_directory: str | os.PathLike[str], safe_serialization: bool = True, **options: Unpack[SavingOptions]
    ) -> None:
        """Write ``config.json`` and ``model.safetensors``, which transformers loads too.

        Raises
        ------
        CheckpointError
            If they cannot be written, or pickles are asked for by ``safe_serialization=False``, or an upload.
        TypeError
            If there is no such option.
        """
        check_saving(options)
        if not safe_serialization:
            raise CheckpointError("only safetensors are written: leave safe_serialization out")
        write_checkpoint(Path(save_directory), self.config, self.tensors)

    def __call__(
        self,
        pixel_values: np.ndarray,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        labels: np.ndarray | None = None,
        return_dict: bool | None = None,
        **options: Unpack[CallOptions],
    ) -> ImageMattingOutput | tuple[Any, ...]:
        """Estimate the alphas of a batch.

        Parameters
        ----------
        pixel_values : float array or tensor of torch (B, 4, H, W)
            Normalized RGB and trimap / 255, as ``VitMatteImageProcessor`` makes them; H and W are multiples of the
            patch size, 16.
        output_attentions, output_hidden_states : bool, optional
            Also return these; by default what the configuration says. The attention probabilities of one global block
            take ``4 * heads * (H * W / 256)**2`` bytes.
        labels : float array or tensor of torch (B, 1, H, W), optional
            True alphas, 0 to 1. The output then has ``loss``, that of the authors
            (:func:`~numpy_vitmatte.training.losses.authors_loss`); :meth:`gradients` gives its gradients, too.
        return_dict : bool, optional
            False returns a plain tuple.
        **options
            ``wanted``, ``max_memory`` and ``precision``: :class:`~numpy_vitmatte.model.call_options.CallOptions`.

        Returns
        -------
        ImageMattingOutput or tuple
            It holds tensors if ``pixel_values`` is a tensor.

        Raises
        ------
        VitMatteError
            If ``pixel_values`` has another shape or type, or holds values that are NaN, infinite or beyond a million;
            if float32 overflows in the network; if ``wanted`` has another shape or type; if ``max_memory`` is too
            little; if there is no such precision; if :func:`~numpy_vitmatte.training.labels.checked_labels` refuses
            ``labels``, or they come with ``wanted``: a loss is that of all pixels.
        """
        if labels is not None and options.get("wanted") is not None:
            raise VitMatteError("labels and wanted are both given, but a loss is that of all pixels; leave wanted out")
        images = self.checked_pixels(pixel_values)
        keep_hidden = self.config.output_hidden_states if output_hidden_states is None else output_hidden_states
        keep_attentions = self.config.output_attentions if output_attentions is None else output_attentions
        as_object = self.config.return_dict if return_dict is None else return_dict
        traces = [Trace([] if keep_hidden else None, [] if keep_attentions else None) for _ in images]
        masks, limit, precision = checked_call(options, images.shape[:3])
        known = None if labels is None else checked_labels(as_array(labels), images[..., 3])
        network = self.network(precision)
        _, height, width, _ = images.shape
        plan = plan_network_memory(height, width, self.config, self.weights_in_memory, limit)
        alphas = self._alphas(images, masks, plan.band_rows, network, keep_workspace=limit is None, traces=traces)
        output = ImageMattingOutput(alphas=alphas[:, None])  # (B, H, W) -> (B, 1, H, W)
        if known is not None:
            output.loss = np.array(authors_loss(alphas, *known).value, np.float32)
        output.add_traces(traces)
        if is_tensor(pixel_values):
            output = output.as_tensors()
        return output if as_object else output.to_tuple()

    forward = __call__

    def _alphas(
        self,
        images: np.ndarray,
        wanted: np.ndarray | None,
        band_rows: int,
        network: NetworkParameters,
        *,
        keep_workspace: bool,
        traces: Sequence[Trace] | None = None,
    ) -> np.ndarray:
        """Compute the alphas (B, H, W) of checked images (B, H, W, 4), with bands that were planned before.

        ``keep_workspace`` leaves the working memory to the next image of this size; no limit of memory counts it.
        ``traces``, one for each image, receive the intermediate results.
        """
        _, height, width, _ = images.shape
        size = workspace_size(height, width, network, band_rows) if keep_workspace else 0
        alphas = []
        with kept_workspace(size) as memory:
            for index, image in enumerate(images):
                mask = None if wanted is None else wanted[index]
                trace = traces[index] if traces else Trace(None, None)
                alphas.append(forward(image, network, trace, mask, band_rows, memory))
        return np.stack(alphas) if len(alphas) > 1 else alphas[0][None]  # a single alpha is not copied

    def checked_pixels(self, pixel_values: np.ndarray) -> np.ndarray:
        """Check a batch and give it the layout of the network: (B, 4, H, W) to contiguous float32 (B, H, W, 4).

        Raises
        ------
        VitMatteError
            If ``pixel_values`` has another shape or type. Its numbers are looked at later, by the network.
        """
        backbone = self.config.backbone_config
        return checked_pixels(pixel_values, backbone.num_channels, backbone.patch_size)
