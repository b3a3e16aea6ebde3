"""An alpha and its trust map: the main job done twice, the second time on the mirrored photo."""

import os
from typing import Any

from PIL import Image, ImageOps

from numpy_vitmatte.images.reading import ImageSource, as_array, channels_last, open_image
from numpy_vitmatte.matting.trust_map import TrustMap, trust_map
from numpy_vitmatte.network.memory import parse_bytes
from numpy_vitmatte.pipeline.budget import check_head, second_opinion
from numpy_vitmatte.pipeline.photo_to_alpha import (
    DEFAULT_MODEL,
    MattingResult,
    ModelSource,
    loaded_checkpoint,
    matte_with_report,
    set_known_pixels,
)
from numpy_vitmatte.processing.profiles import profile_processor


def matte_with_trust(
    image: ImageSource, trimap: ImageSource, model: ModelSource = DEFAULT_MODEL, *, raw: bool = False, **options: Any
) -> tuple[MattingResult, TrustMap]:
    """Estimate the alpha of a photo, and where to trust it. The network runs twice.

    Parameters
    ----------
    image, trimap, model, raw
        As for :func:`~numpy_vitmatte.pipeline.matte`.
    **options
        Its other options.

    Returns
    -------
    result : MattingResult
        As :func:`~numpy_vitmatte.pipeline.matte_with_report` gives it.
    trust : TrustMap
        Photos whose size is no multiple of 32 are padded on the right, so their mirror images see the padding on the
        subject's other side: that is part of the disagreement.

    Raises
    ------
    VitMatteError
        As :func:`~numpy_vitmatte.pipeline.matte`.
    """
    if options.get("max_memory") is not None:
        limit = parse_bytes(options["max_memory"])
        checkpoint = loaded_checkpoint(model, profile_processor(options.get("profile", "hf"), options.get("processor")))
        check_head(image, checkpoint, limit, options.get("max_side"), trust=True)
        options["max_memory"] = limit.with_beside(second_opinion(image))  # beside each of the two opinions
    result = matte_with_report(image, trimap, model, raw=True, **options)
    # The source is mirrored, not `result.photo`: what its numbers mean stays the same however dark it is.
    mirrored = matte_with_report(_mirrored(image), result.trimap[:, ::-1], model, raw=True, **options)
    trust = trust_map(result.alpha, mirrored.alpha[:, ::-1], result.trimap)
    if not raw:
        set_known_pixels(result.alpha, result.trimap)
    return result, trust


def _mirrored(image: ImageSource) -> ImageSource:
    """The photo, upright, with left and right exchanged."""
    if isinstance(image, (str, os.PathLike, Image.Image)):
        return ImageOps.mirror(open_image(image, "photo"))
    return channels_last(as_array(image, "photo"), "photo")[:, ::-1]
