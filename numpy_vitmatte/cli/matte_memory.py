"""``--max-memory`` of ``numpy-vitmatte matte``: the network, and all that is made of the alpha."""

import argparse

from numpy_vitmatte.images.reading import ImageSource
from numpy_vitmatte.network.memory import Allowance, parse_bytes
from numpy_vitmatte.pipeline.budget import check_head, pixels_of
from numpy_vitmatte.pipeline.memory import BACKGROUND, PYMATTING, picture_bytes
from numpy_vitmatte.pipeline.photo_to_alpha import loaded_checkpoint
from numpy_vitmatte.processing.profiles import profile_processor


def matting_allowance(
    arguments: argparse.Namespace, photo: ImageSource, background: ImageSource | None
) -> Allowance | None:
    """Refuse a job that would not fit, before anything is decoded; otherwise what the matting is to be told.

    Raises
    ------
    VitMatteError
    """
    if arguments.max_memory is None:
        return None
    limit = parse_bytes(arguments.max_memory)
    pictures = beside = 0
    if arguments.cutout or arguments.composite:
        estimated = arguments.colors != "photo"
        pictures = picture_bytes(
            composite=arguments.composite is not None, estimated=estimated, linear=arguments.linear
        )
        beside += PYMATTING * estimated
    if background is not None:
        beside += BACKGROUND * pixels_of(background)
    checkpoint = loaded_checkpoint(arguments.model, profile_processor(arguments.profile))
    check_head(
        photo,
        checkpoint,
        limit,
        arguments.max_side,
        trust=arguments.trust is not None,
        pictures=pictures,
        beside=beside,
    )
    return limit.with_beside(beside)
