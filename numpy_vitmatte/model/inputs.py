"""The caller's batch, checked and laid out as the network takes it."""

from typing import Any

import numpy as np

from numpy_vitmatte.errors import VitMatteError
from numpy_vitmatte.images.tensors import array_of, is_tensor
from numpy_vitmatte.runtime.threads import for_each_block


def as_nhwc(pixels: np.ndarray) -> np.ndarray:
    """Turn float (B, C, H, W) into contiguous float32 (B, H, W, C), without a copy where they lie so already.

    Arrays that may not be written are copied, because Numba would compile the kernels once more for them.
    """
    images = pixels.transpose(0, 2, 3, 1)
    if images.dtype == np.float32 and images.flags.c_contiguous and images.flags.writeable:
        return images
    out = np.empty(images.shape, np.float32)

    def rows(first: int, last: int) -> None:
        # A float64 beyond float32 becomes infinite; whether NumPy warns of it is a setting of each thread.
        with np.errstate(over="ignore"):
            for channel in range(images.shape[3]):  # each by itself: several times faster
                out[:, first:last, :, channel] = images[:, first:last, :, channel]

    for_each_block(rows, images.shape[1], 64)
    return out


def as_array(values: Any) -> Any:
    """Give a tensor's numbers as an array; return everything else as it is."""
    return array_of(values) if is_tensor(values) else values


def checked_mask(wanted: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Check the mask of a batch's wanted pixels.

    Raises
    ------
    VitMatteError
        If it is not a bool array of ``shape`` (B, H, W).
    """
    mask = np.asarray(as_array(wanted))
    if mask.shape != shape or mask.dtype != bool:
        raise VitMatteError(
            f"wanted is an array of {mask.dtype} and shape {mask.shape}; expected bool and "
            f"{shape}: (batch, height, width)"
        )
    return mask


def checked_pixels(pixel_values: np.ndarray, channels: int, patch: int) -> np.ndarray:
    """Check a batch and give it the layout of the network: (B, C, H, W) to contiguous float32 (B, H, W, C).

    Parameters
    ----------
    pixel_values : float array or tensor (B, C, H, W)
    channels, patch : int
        C, and the side of a patch, of which H and W must be multiples.

    Raises
    ------
    VitMatteError
        If ``pixel_values`` has another shape or type. Its numbers are looked at later, by the network.
    """
    try:
        pixels = np.asarray(as_array(pixel_values))
    except ValueError:
        raise VitMatteError(
            "pixel_values holds images of different sizes; call the model once per size, or pad them to one"
        ) from None
    if pixels.ndim != 4 or pixels.shape[1] != channels or 0 in pixels.shape:
        raise VitMatteError(
            f"pixel_values has shape {pixels.shape}; expected (batch, {channels}, height, width), none of them 0: "
            "the RGB channels and the trimap, as VitMatteImageProcessor makes them"
        )
    height, width = pixels.shape[2:]
    if height % patch or width % patch:
        raise VitMatteError(
            f"pixel_values is {height} high and {width} wide; both must be multiples of the patch size {patch}: "
            "pad them (VitMatteImageProcessor does, with do_pad=True)"
        )
    if not np.issubdtype(pixels.dtype, np.floating):
        raise VitMatteError(f"pixel_values is of type {pixels.dtype}; expected floating point, rescaled and normalized")
    return as_nhwc(pixels)
