"""The main job: a photo and its trimap in, the alpha out."""

import functools
import logging
import os
from dataclasses import dataclass, field
from typing import Any, Union

import numpy as np
from numpy.typing import NDArray

from numpy_vitmatte.errors import VitMatteError
from numpy_vitmatte.images.reading import ImageSource
from numpy_vitmatte.kernels.lookup_table import set_known_alpha
from numpy_vitmatte.matting.downscale import smaller_photo, smaller_size, smaller_trimap
from numpy_vitmatte.matting.guided_filter import upsample_alpha
from numpy_vitmatte.model import VitMatteForImageMatting
from numpy_vitmatte.network.decoder_plan import Shares, shares
from numpy_vitmatte.network.memory import Allowance, parse_bytes
from numpy_vitmatte.pipeline.budget import check_head, network_allowance
from numpy_vitmatte.pipeline.inputs import read_photo_and_trimap
from numpy_vitmatte.pipeline.loaded_checkpoint import LoadedCheckpoint, load_checkpoint, own_processor
from numpy_vitmatte.processing import VitMatteImageProcessor
from numpy_vitmatte.processing.profiles import profile_processor
from numpy_vitmatte.trimaps.reading import FOREGROUND, UNKNOWN
from numpy_vitmatte.trimaps.report import TrimapReport

DEFAULT_MODEL = "vitmatte-tiny"

_logger = logging.getLogger("numpy_vitmatte")

ModelSource = Union[str, "os.PathLike[str]", VitMatteForImageMatting]


@dataclass(frozen=True)
class MattingResult:
    """An alpha and what it was made of.

    Attributes
    ----------
    alpha : (H, W) float32 array
        In [0, 1].
    photo : (H, W, 3) array
        Upright, levels from 0 to 255; uint8 for photos of 8 bits.
    trimap : (H, W) uint8 array
        As it was understood: 0, 128 and 255.
    report : TrimapReport
    wanted : (H', W') bool array
        The pixels that the network was asked for, at its size, with its padding.
    levels : int
        Fusion blocks of its decoder.
    """

    alpha: NDArray[np.float32]
    photo: NDArray[Any]
    trimap: NDArray[np.uint8]
    report: TrimapReport
    wanted: NDArray[np.bool_] = field(repr=False)
    levels: int

    @functools.cached_property
    def computed(self) -> Shares:
        """How much of decoder and last transformer block was computed; the rest cannot change an unknown pixel."""
        return shares(self.wanted, self.levels)


def matte(
    image: ImageSource,
    trimap: ImageSource,
    model: ModelSource = DEFAULT_MODEL,
    *,
    processor: VitMatteImageProcessor | None = None,
    profile: str = "hf",
    raw: bool = False,
    max_memory: int | str | None = None,
    max_side: int | None = None,
) -> NDArray[np.float32]:
    """Estimate the alpha of a photo.

    Parameters
    ----------
    image : path, PIL.Image.Image or array
        The photo; see :func:`~numpy_vitmatte.images.reading.read_photo`.
    trimap : path, PIL.Image.Image or array
        Background, unknown and foreground of the same size; see :func:`~numpy_vitmatte.trimaps.reading.read_trimap`.
    model : str, path or VitMatteForImageMatting
        Name of a bundled checkpoint, a checkpoint's directory, a name on the hub (the last one stays loaded), or a
        loaded model.
    processor : VitMatteImageProcessor, optional
        By default the checkpoint's own, also for a model that was loaded from one; ``VitMatteImageProcessor()`` for a
        model made by ``from_config``.
    profile : {"hf", "hustvl"}
        Whose preprocessing: what the checkpoint's file says, or what ViTMatte's authors do (ImageNet's mean and
        deviation, unknown exactly 0.5, their padding).
    raw : bool
        Give the network's own values everywhere. By default pixels that the trimap knows are exactly 0 and 1, and what
        cannot change an unknown pixel is not computed.
    max_memory : int or str, optional
        Bytes that the process may take at its peak, or words such as ``"2GB"``. More memory saves a little time.
    max_side : int, optional
        An approximation for photos that take too much time or memory: where the longer side has more pixels than this,
        the network sees the photo scaled down, and its alpha is brought back by a guided filter
        (:mod:`~numpy_vitmatte.matting.guided_filter`). At least 32.

    Returns
    -------
    (H, W) float32 array
        In [0, 1], of the size of the photo, upright as its EXIF orientation says.

    Raises
    ------
    VitMatteError
        The photo, the trimap or the checkpoint cannot be used, or the job does not fit ``max_memory``; the message says
        why.
    """
    return matte_with_report(
        image,
        trimap,
        model,
        processor=processor,
        profile=profile,
        raw=raw,
        max_memory=max_memory,
        max_side=max_side,
    ).alpha


def matte_with_report(
    image: ImageSource,
    trimap: ImageSource,
    model: ModelSource = DEFAULT_MODEL,
    *,
    processor: VitMatteImageProcessor | None = None,
    profile: str = "hf",
    raw: bool = False,
    max_memory: int | str | None = None,
    max_side: int | None = None,
) -> MattingResult:
    """Estimate the alpha of a photo, and say how the trimap was understood.

    Parameters and errors are those of :func:`matte`.

    Returns
    -------
    MattingResult
    """
    limit = None if max_memory is None else parse_bytes(max_memory)
    if limit is not None:
        checkpoint = loaded_checkpoint(model, profile_processor(profile, processor))
        check_head(image, checkpoint, limit, max_side)
    photo, clean_trimap, report = read_photo_and_trimap(image, trimap, sparing=limit is not None)
    height, width = clean_trimap.shape
    size = smaller_size(height, width, max_side)
    checkpoint = loaded_checkpoint(model, profile_processor(profile, processor))
    if raw or report.unknown > 0:
        alpha, wanted = _estimate_at(size, photo, clean_trimap, checkpoint, raw, limit)
    else:  # every pixel is known, and set below
        alpha, wanted = np.empty(clean_trimap.shape, np.float32), np.zeros(clean_trimap.shape, bool)
    if not raw:
        set_known_pixels(alpha, clean_trimap)
    levels = len(checkpoint.model.config.fusion_hidden_sizes)
    return MattingResult(alpha, photo, clean_trimap, report, wanted, levels)


def set_known_pixels(alpha: NDArray[np.float32], trimap: NDArray[np.uint8]) -> None:
    """Put exactly 0 and 1 where the trimap says so, in place."""
    set_known_alpha(trimap, UNKNOWN, FOREGROUND, alpha)


def _estimate_at(
    size: tuple[int, int],
    photo: NDArray[Any],
    trimap: NDArray[np.uint8],
    checkpoint: LoadedCheckpoint,
    raw: bool,
    max_memory: Allowance | None,
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Alpha (H, W), computed at the (height, width) `size` and brought back from there; what was wanted there."""
    allowance = network_allowance(photo, size, checkpoint, max_memory)
    if size == trimap.shape:
        return _estimate(photo, trimap, checkpoint, raw, allowance)
    _logger.info("alpha: computed at %d x %d pixels and upsampled, an approximation", *size[::-1])
    small_photo, small_trimap = smaller_photo(photo, *size), smaller_trimap(trimap, *size)
    small_alpha, wanted = _estimate(small_photo, small_trimap, checkpoint, raw, allowance)
    if not raw:
        set_known_pixels(small_alpha, small_trimap)
    return upsample_alpha(small_alpha, small_photo, photo), wanted


def _estimate(
    photo: NDArray[Any],
    trimap: NDArray[np.uint8],
    checkpoint: LoadedCheckpoint,
    everywhere: bool,
    max_memory: Allowance | None,
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Alpha (H, W), through padding and back; and what was wanted, padded."""
    inputs = checkpoint.processor(images=photo, trimaps=trimap, input_data_format="channels_last")
    padded = inputs["pixel_values"].shape[2:]
    wanted = np.zeros((1, *padded), bool)
    inside = wanted[0, : trimap.shape[0], : trimap.shape[1]]
    if everywhere:
        inside[:] = True
    else:
        np.equal(trimap, UNKNOWN, out=inside)
    alphas = checkpoint.model(
        **inputs, output_hidden_states=False, output_attentions=False, wanted=wanted, max_memory=max_memory
    )[0]
    if padded == trimap.shape:
        return alphas[0, 0], wanted[0]
    height, width = trimap.shape
    return checkpoint.processor.post_process_alphas(alphas, [(height, width)])[0], wanted[0]


def loaded_checkpoint(model: ModelSource, processor: VitMatteImageProcessor | None) -> LoadedCheckpoint:
    """A model and the processor to use with it, from what :func:`matte` may be given as the two.

    Raises
    ------
    VitMatteError
        If the checkpoint cannot be used, or ``model`` is none of :func:`matte`'s kinds.
    """
    if isinstance(model, (str, os.PathLike)):
        checkpoint = load_checkpoint(model)
        return checkpoint if processor is None else LoadedCheckpoint(checkpoint.model, processor)
    if not isinstance(model, VitMatteForImageMatting):
        raise VitMatteError(
            f"model is a {type(model).__name__}; expected the name or directory of a checkpoint, or a loaded model"
        )
    return LoadedCheckpoint(model, own_processor(model) if processor is None else processor)
