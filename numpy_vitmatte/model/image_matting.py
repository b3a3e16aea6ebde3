"""``VitMatteForImageMatting``: the network behind Hugging Face's names, batches and layout."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from numpy_vitmatte.checkpoint.initialization import random_parameters
from numpy_vitmatte.checkpoint.weights import map_tensors, read_tensors, write_checkpoint
from numpy_vitmatte.configuration import VitMatteConfig
from numpy_vitmatte.hub.file_names import CONFIG_FILE, WEIGHTS
from numpy_vitmatte.hub.resolve import checkpoint_directory
from numpy_vitmatte.model.inputs import checked_mask, checked_pixels
from numpy_vitmatte.model.output import ImageMattingOutput
from numpy_vitmatte.network.forward_pass import Trace, forward, workspace_size
from numpy_vitmatte.network.memory import parse_bytes, plan_network_memory
from numpy_vitmatte.network.parameters import pack_network
from numpy_vitmatte.runtime.workspace import kept_workspace

# Position embeddings are interpolated when they are used; everything else is laid out anew for the kernels.
_TABLE = re.compile(r"(position_embeddings|rel_pos_[hw])$")


def load_packed(directory: Path) -> "VitMatteForImageMatting":
    """Load a checkpoint to compute alphas with and nothing else: ``tensors`` is empty, which saves as much memory.

    Raises
    ------
    ConfigurationError, CheckpointError
        As :meth:`VitMatteForImageMatting.from_pretrained`.
    """
    config = VitMatteConfig.from_pretrained(directory)
    model = VitMatteForImageMatting(config, map_tensors(directory, config))
    model.directory = directory
    model.tensors = {}
    return model


def _with_own_tables(tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Copy what packing would keep as it is: the model must not change when a file or an array changes under it."""
    return {name: np.array(tensor) if _TABLE.search(name) else tensor for name, tensor in tensors.items()}


class VitMatteForImageMatting:
    """ViTMatte: a plain vision transformer and a detail capture decoder (Yao et al. 2023, arXiv:2305.15272).

    Made by ``from_pretrained`` or ``from_config``. One model may be used by several threads at once. Between calls the
    process keeps up to 64 MB of memory for the next image of the same size, unless ``max_memory`` is given.

    Parameters
    ----------
    config : VitMatteConfig
    tensors : dict of str to float32 array
        Every tensor of the network under its checkpoint name.

    Attributes
    ----------
    directory : Path or None
        The checkpoint that ``from_pretrained`` read; the matching processor lies there, too.
    tensors : dict of str to float32 array
        The weights as stored, in memory of their own. Changing them does not change the model, which has packed them;
        make a new one.
    """

    def __init__(self, config: VitMatteConfig, tensors: dict[str, np.ndarray]) -> None:
        self.config = config
        self.directory: Path | None = None
        self.tensors = tensors
        self._network = pack_network(_with_own_tables(tensors), config)

    @classmethod
    def from_pretrained(cls, name_or_path: str | Path, revision: str | None = None) -> "VitMatteForImageMatting":
        """Load a checkpoint.

        Parameters
        ----------
        name_or_path : str or Path
            Name of a bundled checkpoint, such as ``"vitmatte-tiny"``; a folder with ``config.json`` and
            ``model.safetensors`` (or its shards and ``model.safetensors.index.json``); or a name on the Hugging Face
            hub, such as ``"hustvl/vitmatte-small-composition-1k"``, which is downloaded once.
        revision : str, optional
            Branch, tag, commit or pull request (``"refs/pr/3"``) of the hub's repository; by default ``"main"``.

        Raises
        ------
        ConfigurationError
            If ``config.json`` is missing, is not JSON, or describes another network.
        CheckpointError
            If the folder or its weights are missing, or a tensor is missing, unexpected, misshapen, truncated or not
            finite.
        DownloadError
            If it is the hub's and cannot be downloaded.
        """
        directory = checkpoint_directory(name_or_path, revision, (CONFIG_FILE, WEIGHTS))
        config = VitMatteConfig.from_pretrained(directory)
        model = cls(config, read_tensors(directory, config))
        model.directory = directory
        return model

    @property
    def weights_in_memory(self) -> int:
        """Bytes that ``tensors`` take, besides the packed weights."""
        return sum(tensor.nbytes for tensor in self.tensors.values())

    @classmethod
    def from_config(cls, config: VitMatteConfig, seed: int = 0) -> "VitMatteForImageMatting":
        """Make a model with random weights, initialised as transformers does; ``seed`` decides them."""
        return cls(config, random_parameters(config, seed))

    def save_pretrained(self, directory: str | Path) -> None:
        """Write ``config.json`` and ``model.safetensors``, which transformers loads too."""
        write_checkpoint(Path(directory), self.config, self.tensors)

    def __call__(
        self,
        pixel_values: np.ndarray,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        labels: np.ndarray | None = None,
        return_dict: bool | None = None,
        *,
        wanted: np.ndarray | None = None,
        max_memory: int | str | None = None,
    ) -> ImageMattingOutput | tuple[Any, ...]:
        """Estimate the alphas of a batch.

        Parameters
        ----------
        pixel_values : float array (B, 4, H, W)
            Normalised RGB and trimap / 255, as ``VitMatteImageProcessor`` makes them; H and W are multiples of the
            patch size, 16.
        output_attentions, output_hidden_states : bool, optional
            Also return these; by default what the configuration says. The attention probabilities of one global block
            take ``4 * heads * (H * W / 256)**2`` bytes.
        labels : None
            Training is not supported.
        return_dict : bool, optional
            False returns a plain tuple.
        wanted : bool array (B, H, W), optional
            The pixels whose alpha is of use, for example ``(0 < trimap) & (trimap < 255)``; by default every pixel.
            What cannot change them is not computed. They are the same to the bit, others may be 0.
        max_memory : int or str, optional
            Bytes that the process may take at its peak, or words such as ``"2GB"``.

        Returns
        -------
        ImageMattingOutput or tuple

        Raises
        ------
        VitMatteError
            If ``pixel_values`` has another shape or type, or holds NaN or infinite values; if ``wanted`` has another
            shape or type; if ``max_memory`` is too little.
        NotImplementedError
            If ``labels`` are given.
        """
        if labels is not None:
            raise NotImplementedError(
                "training is not supported: numpy-vitmatte computes alphas only; leave labels out"
            )
        images = self.checked_pixels(pixel_values)
        keep_hidden = self.config.output_hidden_states if output_hidden_states is None else output_hidden_states
        keep_attentions = self.config.output_attentions if output_attentions is None else output_attentions
        as_object = self.config.return_dict if return_dict is None else return_dict
        traces = [Trace([] if keep_hidden else None, [] if keep_attentions else None) for _ in images]
        masks = None if wanted is None else checked_mask(wanted, images.shape[:3])
        limit = None if max_memory is None else parse_bytes(max_memory)
        _, height, width, _ = images.shape
        plan = plan_network_memory(height, width, self.config, self.weights_in_memory, limit)
        alphas = self._alphas(images, masks, plan.band_rows, keep_workspace=limit is None, traces=traces)
        output = ImageMattingOutput(alphas=alphas[:, None])  # (B, H, W) -> (B, 1, H, W)
        if keep_hidden:
            per_layer = zip(*(trace.hidden_states for trace in traces if trace.hidden_states is not None), strict=True)
            output.hidden_states = tuple(np.stack(layer).transpose(0, 3, 1, 2) for layer in per_layer)  # channels first
        if keep_attentions:
            per_layer = zip(*(trace.attentions for trace in traces if trace.attentions is not None), strict=True)
            output.attentions = tuple(np.concatenate(layer) for layer in per_layer)
        return output if as_object else output.to_tuple()

    def _alphas(
        self,
        images: np.ndarray,
        wanted: np.ndarray | None,
        band_rows: int,
        *,
        keep_workspace: bool,
        traces: Sequence[Trace] | None = None,
    ) -> np.ndarray:
        """Compute the alphas (B, H, W) of checked images (B, H, W, 4), with bands that were planned before.

        ``keep_workspace`` leaves the working memory to the next image of this size, which no limit of memory counts.
        ``traces``, one for each image, receive the intermediate results.
        """
        _, height, width, _ = images.shape
        size = workspace_size(height, width, self._network, band_rows) if keep_workspace else 0
        alphas = []
        with kept_workspace(size) as memory:
            for index, image in enumerate(images):
                mask = None if wanted is None else wanted[index]
                trace = traces[index] if traces else Trace(None, None)
                alphas.append(forward(image, self._network, trace, mask, band_rows, memory))
        return np.stack(alphas) if len(alphas) > 1 else alphas[0][None]  # a single alpha is not copied

    def checked_pixels(self, pixel_values: np.ndarray) -> np.ndarray:
        """Check a batch and give it the layout of the network: (B, 4, H, W) to contiguous float32 (B, H, W, 4).

        Raises
        ------
        VitMatteError
            If ``pixel_values`` has another shape or type. Numbers that are not finite are found later, by the tokens.
        """
        backbone = self.config.backbone_config
        return checked_pixels(pixel_values, backbone.num_channels, backbone.patch_size)
