"""The main job: a photo and its trimap in, the alpha out."""

from dataclasses import dataclass, field
from typing import Any, Unpack

import numpy as np
from numpy.typing import NDArray

from numpy_vitmatte.images.reading import ImageSource
from numpy_vitmatte.network.decoder_plan import Shares, shares
from numpy_vitmatte.pipeline.job import PreparedJob, estimate_alpha, prepare, set_known_pixels
from numpy_vitmatte.pipeline.loaded_checkpoint import DEFAULT_MODEL, ModelSource
from numpy_vitmatte.pipeline.options import MattingOptions
from numpy_vitmatte.trimaps.reading import TrimapReport


@dataclass(frozen=True)
class MattingResult:
    """An alpha and what it was made of.

    Attributes
    ----------
    alpha : (H, W) float32 array
        In [0, 1].
    photo : (H, W, 3) array
        Upright, levels from 0 to 255 in the photo's own color space; uint8 for photos of 8 bits. Where the photo was
        wholly transparent itself it is black.
    trimap : (H, W) uint8 array
        The trimap as it was understood: 0, 128 and 255.
    report : TrimapReport
    wanted : (H', W') bool array
        The pixels that the network was asked for, at its size, with its padding.
    precision : str
        The precision that products were computed in, one of ``"highest"``, ``"high"`` and ``"medium"``.
    icc_profile : bytes or None
        The ICC profile of the photo's levels, to be saved with what is made of them; None: sRGB.
    """

    alpha: NDArray[np.float32]
    photo: NDArray[Any]
    trimap: NDArray[np.uint8]
    report: TrimapReport
    wanted: NDArray[np.bool_] = field(repr=False)
    _fusion_blocks: int = field(repr=False)
    precision: str = "highest"
    icc_profile: bytes | None = field(default=None, repr=False)

    @property
    def computed(self) -> Shares:
        """The shares of decoder and last transformer block that were computed; the rest changes no unknown pixel.

        The decoder's work is planned once more each time.
        """
        return shares(self.wanted, self._fusion_blocks)


def matte(
    image: ImageSource,
    trimap: ImageSource | None = None,
    model: ModelSource = DEFAULT_MODEL,
    **options: Unpack[MattingOptions],
) -> NDArray[np.float32]:
    """Estimate the alpha of a photo.

    Parameters
    ----------
    image : path, PIL.Image.Image or array
        The photo; see :func:`~numpy_vitmatte.images.photo_reading.open_photo`. Arrays are RGB; OpenCV's are BGR: give
        ``array[..., ::-1]``. The network sees sRGB, whatever the photo's ICC profile.
    trimap : path, PIL.Image.Image or array, optional
        Background, unknown and foreground of the same size; see :func:`~numpy_vitmatte.trimaps.reading.read_trimap`.
        Left out where there is a `mask`.
    model : str, path or VitMatteForImageMatting
        Name of a bundled checkpoint, a checkpoint's directory, a name on the hub (the last one stays loaded), or a
        loaded model.
    processor : VitMatteImageProcessor, optional
        The default is the checkpoint's own, also for a model that was loaded from one. For a model made by
        ``from_config`` it is ``VitMatteImageProcessor()``.
    profile : {"hf", "hustvl"}
        Whose preprocessing is done: what the checkpoint's file says, or what ViTMatte's authors do (ImageNet's mean and
        deviation, unknown exactly 0.5, their padding).
    raw : bool
        Give the network's own values everywhere. By default, pixels that the trimap knows are exactly 0 and 1, and what
        cannot change an unknown pixel is not computed.
    max_memory : int or str, optional
        Bytes that the process may take at its peak, or words such as ``"2GB"``. A larger limit saves a little time.
    max_side : int, optional
        An approximation for photos that take too much time or memory: where the longer side has more pixels than this,
        the network sees the photo scaled down, and its alpha is brought back by a guided filter
        (:mod:`~numpy_vitmatte.matting.guided_filter`). At least 32.
    upscale : float, optional
        For structure of one or two pixels: the network sees the photo enlarged by this factor, 1 to 4, and its alpha is
        averaged back. Time and memory grow with the square of it. It cannot be given together with `max_side`.
    mask : path, PIL.Image.Image or array, optional
        A mask, an alpha or a cut-out in place of a trimap, which is made of it; see
        :func:`~numpy_vitmatte.trimap_from_mask`.
    erode, dilate : float or str, optional
        How far the unknown reaches into the foreground and background of `mask`, in pixels (10) or as a share
        of the shorter side (``"2%"``, the default).
    depth : {8, 10, 12, 14, 16}, optional
        Bits of photo and trimap where they are integers of 16 bits that do not use them all, as scanners and cameras
        write them. By default the largest value decides.
    precision : {"highest", "high", "medium"}, optional
        The precision of products: float32; two bfloat16 numbers for each; or one, which changes alphas by some
        thousandths. A processor that gains nothing from it computes in the next better one. By default the model's, or
        what ``NUMPY_VITMATTE_PRECISION`` says, or ``"highest"``.

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
    return matte_with_report(image, trimap, model, **options).alpha


def matte_with_report(
    image: ImageSource,
    trimap: ImageSource | None = None,
    model: ModelSource = DEFAULT_MODEL,
    **options: Unpack[MattingOptions],
) -> MattingResult:
    """Estimate the alpha of a photo, and say how the trimap was understood.

    Parameters
    ----------
    image, trimap, model
        See :func:`matte`.
    **options
        The keywords of :func:`matte`.

    Returns
    -------
    MattingResult

    Raises
    ------
    VitMatteError
        See :func:`matte`.
    """
    return compute(prepare(image, trimap, model, options))


def compute(job: PreparedJob) -> MattingResult:
    """Compute a prepared job."""
    trimap = job.inputs.trimap
    if job.raw or job.inputs.report.unknown > 0:
        alpha, wanted = estimate_alpha(job, everywhere=job.raw)
    else:  # every pixel is known, and set below
        alpha, wanted = np.empty(trimap.shape, np.float32), np.zeros(trimap.shape, bool)
    if not job.raw:
        set_known_pixels(alpha, trimap)
    return as_result(job, alpha, wanted)


def as_result(job: PreparedJob, alpha: NDArray[np.float32], wanted: NDArray[np.bool_]) -> MattingResult:
    """Join a job's alpha and what it was made of."""
    fusion_blocks = len(job.checkpoint.model.config.fusion_hidden_sizes)
    inputs = job.inputs
    return MattingResult(
        alpha,
        inputs.photo.shown(),
        inputs.trimap,
        inputs.report,
        wanted,
        fusion_blocks,
        job.precision,
        inputs.photo.icc_profile,
    )
