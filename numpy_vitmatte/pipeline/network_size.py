"""The size at which the network sees a photo."""

from numpy_vitmatte.errors import VitMatteError
from numpy_vitmatte.matting.downscale import smaller_size
from numpy_vitmatte.matting.upscale import larger_size


def network_size(height: int, width: int, max_side: int | None, upscale: float | None) -> tuple[int, int]:
    """Return the photo's own size, or a smaller one with `max_side`, or a larger one with `upscale`.

    Parameters
    ----------
    height, width : int
        Pixels of the photo.
    max_side : int, optional
    upscale : float, optional
        Both as for :func:`~numpy_vitmatte.matte`.

    Returns
    -------
    height, width : int
        The size without padding.

    Raises
    ------
    VitMatteError
        If one of them cannot be used, or both are given.
    """
    if max_side is not None and upscale is not None:
        raise VitMatteError(
            f"max_side={max_side!r} shows the network fewer pixels than the photo has, and upscale={upscale!r} more; "
            "give one of them"
        )
    return smaller_size(height, width, max_side) if upscale is None else larger_size(height, width, upscale)
