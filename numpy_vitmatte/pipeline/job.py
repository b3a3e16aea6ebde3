"""One photo's job: prepared once (read, resolved, planned), then computed, once or from two sides."""

import logging
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from numpy_vitmatte.images.color_profile import is_srgb, profile_name
from numpy_vitmatte.images.header import PhotoHeader, photo_header
from numpy_vitmatte.images.photo import Photo
from numpy_vitmatte.images.pixel_limit import decoding_limit
from numpy_vitmatte.images.reading import ImageSource, is_file, is_file_or_image, opened
from numpy_vitmatte.kernels.lookup_table import set_known_alpha
from numpy_vitmatte.matting.downscale import smaller_photo
from numpy_vitmatte.matting.guided_filter import upsample_alpha
from numpy_vitmatte.matting.upscale import average_by_area, larger_photo
from numpy_vitmatte.network.memory import MemoryPlan, parse_bytes
from numpy_vitmatte.pipeline.inputs import MaskSource, MattingInput, read_input, trimap_or_mask
from numpy_vitmatte.pipeline.loaded_checkpoint import LoadedCheckpoint, ModelSource, loaded_checkpoint
from numpy_vitmatte.pipeline.memory import Extras, NetworkUse, plan_memory
from numpy_vitmatte.pipeline.network_size import network_size
from numpy_vitmatte.pipeline.options import MattingOptions, check_options
from numpy_vitmatte.processing.pixel_values import check_same_size
from numpy_vitmatte.processing.profiles import profile_processor
from numpy_vitmatte.runtime.precision import checked_precision, used_precision
from numpy_vitmatte.trimaps.reading import FOREGROUND, UNKNOWN
from numpy_vitmatte.trimaps.scaling import downscale_by_blocks, scale_conservatively

_logger = logging.getLogger("numpy_vitmatte")


@dataclass(frozen=True)
class PreparedJob:
    """All that is decided before the network computes.

    Attributes
    ----------
    inputs : MattingInput
    checkpoint : LoadedCheckpoint
    network_size : (int, int)
        Height and width that the network sees, without padding: the photo's own, less with ``max_side``, or more with
        ``upscale``.
    plan : MemoryPlan
    limited : bool
        Whether the plan keeps to a limit of memory.
    raw : bool
        The network's own values are wanted everywhere.
    precision : str
        The precision that products are computed in.
    """

    inputs: MattingInput
    checkpoint: LoadedCheckpoint
    network_size: tuple[int, int]
    plan: MemoryPlan
    limited: bool
    raw: bool
    precision: str

    def mirrored(self) -> "PreparedJob":
        """Return the same job on the mirrored photo."""
        return replace(self, inputs=self.inputs.mirrored())


def prepare(
    image: ImageSource,
    trimap: ImageSource | None,
    model: ModelSource,
    options: MattingOptions,
    extras: Extras = Extras(),  # noqa: B008
) -> PreparedJob:
    """Read both headers, resolve the checkpoint, plan the memory, and then decode photo and trimap.

    Parameters
    ----------
    image, trimap, model
        See :func:`~numpy_vitmatte.matte`.
    options : MattingOptions
    extras : Extras
        What is made in addition to the alpha; the plan counts it.

    Returns
    -------
    PreparedJob

    Raises
    ------
    VitMatteError
        See :func:`~numpy_vitmatte.matte`.
    """
    check_options(options)
    widths = options.get("erode"), options.get("dilate")
    source = trimap_or_mask(trimap, options.get("mask"), *widths)
    max_memory = options.get("max_memory")
    scales = options.get("max_side"), options.get("upscale")
    limit = None if max_memory is None else parse_bytes(max_memory)
    processor = profile_processor(options.get("profile", "hf"), options.get("processor"))
    other = source.mask if isinstance(source, MaskSource) else source
    with (
        decoding_limit(limit),
        opened(image, "photo") as photo,
        opened(other, "trimap" if other is source else "mask") as levels,
    ):
        given = source._replace(mask=levels) if isinstance(source, MaskSource) else levels
        header = _common_header(photo_header(photo), levels, limited=limit is not None)
        size = network_size(*header[:2], *scales)
        checkpoint = loaded_checkpoint(model, processor)
        wanted = options.get("precision")
        precision = used_precision(checkpoint.model.precision if wanted is None else checked_precision(wanted))
        checkpoint.model.network(precision)  # it is made here, so that its memory counts
        network = NetworkUse(checkpoint.model.config, checkpoint.model.weights_in_memory, checkpoint.processor)
        plan = plan_memory(header, size, network, limit, extras)
        inputs = read_input(
            photo, given, sparing=limit is not None, separate=is_file(other), depth=options.get("depth")
        )
    icc = inputs.photo.icc_profile
    if icc is not None and not is_srgb(icc):
        _logger.info("photo: its colors are those of %r; the network sees them in sRGB", profile_name(icc))
    if inputs.trimap.shape != (header.height, header.width):  # the header did not tell that the photo is turned
        height, width = inputs.trimap.shape
        header = header._replace(height=height, width=width)
        size = network_size(*header[:2], *scales)
        plan = plan_memory(header, size, network, limit, extras)
    return PreparedJob(inputs, checkpoint, size, plan, limit is not None, options.get("raw", False), precision)


def _common_header(photo: PhotoHeader, trimap: ImageSource, *, limited: bool) -> PhotoHeader:
    """Return the photo's header, which counts for its trimap as well.

    Raises
    ------
    ImageError
        If memory is limited and the trimap has more pixels than the photo: it cannot be the photo's, and decoding it
        would take what nobody has counted.
    """
    if not is_file_or_image(trimap):
        return photo
    header = photo_header(trimap, "trimap")
    if limited and header.height * header.width > photo.height * photo.width:
        check_same_size(photo[:2], header[:2])
    return photo._replace(wide=photo.wide or header.wide)


def estimate_alpha(job: PreparedJob, *, everywhere: bool) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Let the network see the photo, at the job's size, and bring its alpha back to the photo's.

    Parameters
    ----------
    job : PreparedJob
    everywhere : bool
        Compute it also where the trimap knows the answer. Otherwise known pixels have any value.

    Returns
    -------
    alpha : (H, W) float32 array
    wanted : (H', W') bool array
        The pixels that the network was asked for, at its size, with its padding.
    """
    height, width = job.inputs.trimap.shape
    if job.network_size == (height, width):
        return _network_alpha(job, job.inputs, everywhere)
    if job.network_size < (height, width):
        return _from_smaller(job, everywhere)
    return _from_larger(job, everywhere)


def _from_smaller(job: PreparedJob, everywhere: bool) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Let the network see fewer pixels, and upsample its alpha by the photo."""
    _logger.info("alpha: computed at %d x %d pixels and upsampled, an approximation", *job.network_size[::-1])
    photo = job.inputs.photo
    levels = smaller_photo(photo.levels, *job.network_size)
    trimap = downscale_by_blocks(job.inputs.trimap, *job.network_size)
    small = replace(job.inputs, photo=Photo(levels, photo.icc_profile), trimap=trimap)
    alpha, wanted = _network_alpha(job, small, everywhere)
    if not everywhere:
        set_known_pixels(alpha, trimap)
    return upsample_alpha(alpha, levels, photo.levels), wanted


def _from_larger(job: PreparedJob, everywhere: bool) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Let the network see the photo enlarged, and average its alpha."""
    _logger.info("alpha: computed at %d x %d pixels, the photo enlarged, and averaged", *job.network_size[::-1])
    photo, trimap = job.inputs.photo, job.inputs.trimap
    levels = larger_photo(photo.levels, *job.network_size)
    # All enlarged pixels that a pixel covers touch it: where it is unknown, so are they.
    larger_trimap = scale_conservatively(trimap, *job.network_size)
    large = replace(job.inputs, photo=Photo(levels, photo.icc_profile), trimap=larger_trimap)
    alpha, wanted = _network_alpha(job, large, everywhere)
    return average_by_area(alpha, *trimap.shape), wanted


def set_known_pixels(alpha: NDArray[np.float32], trimap: NDArray[np.uint8]) -> None:
    """Put exactly 0 and 1 where the trimap says so, in place."""
    set_known_alpha(trimap, UNKNOWN, FOREGROUND, alpha)


def _network_alpha(
    job: PreparedJob, inputs: MattingInput, everywhere: bool
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Compute the alpha (H, W), through padding and back; and what was wanted, padded."""
    processor, model = job.checkpoint.processor, job.checkpoint.model
    features = processor(images=inputs.photo.in_srgb(), trimaps=inputs.trimap, input_data_format="channels_last")
    images = model.checked_pixels(features["pixel_values"])  # (1, H', W', 4)
    height, width = inputs.trimap.shape
    wanted = np.zeros(images.shape[:3], bool)
    if everywhere:
        wanted[0, :height, :width] = True
    else:
        np.equal(inputs.trimap, UNKNOWN, out=wanted[0, :height, :width])
    network = model.network(job.precision)
    alphas = model._alphas(images, wanted, job.plan.band_rows, network, keep_workspace=not job.limited)
    if wanted.shape[1:] == inputs.trimap.shape:
        return alphas[0], wanted[0]
    return processor.post_process_alphas(alphas[:, None], [(height, width)])[0], wanted[0]
