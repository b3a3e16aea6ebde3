"""An alpha and its trust map: the network sees the photo twice, the second time mirrored."""

from typing import Unpack

from numpy_vitmatte.images.reading import ImageSource
from numpy_vitmatte.matting.trust_map import TrustMap, trust_map
from numpy_vitmatte.pipeline.job import PreparedJob, estimate_alpha, prepare, set_known_pixels
from numpy_vitmatte.pipeline.loaded_checkpoint import DEFAULT_MODEL, ModelSource
from numpy_vitmatte.pipeline.memory import Extras
from numpy_vitmatte.pipeline.options import MattingOptions
from numpy_vitmatte.pipeline.photo_to_alpha import MattingResult, as_result


def matte_with_trust(
    image: ImageSource,
    trimap: ImageSource | None = None,
    model: ModelSource = DEFAULT_MODEL,
    **options: Unpack[MattingOptions],
) -> tuple[MattingResult, TrustMap]:
    """Estimate the alpha of a photo, and say where to trust it. The network runs twice.

    Parameters
    ----------
    image, trimap, model
        See :func:`~numpy_vitmatte.matte`.
    **options
        The keywords of :func:`~numpy_vitmatte.matte`.

    Returns
    -------
    result : MattingResult
        What :func:`~numpy_vitmatte.matte_with_report` gives.
    trust : TrustMap
        Photos whose size is no multiple of 32 are padded on the right, so their mirror images see the padding on the
        subject's other side: that is part of the disagreement.

    Raises
    ------
    VitMatteError
        See :func:`~numpy_vitmatte.matte`.
    """
    return compute_with_trust(prepare(image, trimap, model, options, Extras(trust=True)))


def compute_with_trust(job: PreparedJob) -> tuple[MattingResult, TrustMap]:
    """Compute a prepared job, and its trust map; see :func:`matte_with_trust`."""
    alpha, wanted = estimate_alpha(job, everywhere=True)
    mirrored, _ = estimate_alpha(job.mirrored(), everywhere=True)
    trust = trust_map(alpha, mirrored[:, ::-1], job.inputs.trimap)
    if not job.raw:
        set_known_pixels(alpha, job.inputs.trimap)
    return as_result(job, alpha, wanted), trust
