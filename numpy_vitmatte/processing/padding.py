"""Zero rows and columns around any image array, where a script pads by itself, and the way back."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numpy_vitmatte.errors import ImageError
from numpy_vitmatte.images.reading import PHOTO_CHANNELS, as_array
from numpy_vitmatte.images.tensors import array_of, is_tensor, tensor_of
from numpy_vitmatte.processing.inputs import CHANNELS_FIRST, CHANNELS_LAST, check_data_format


def padded_image(
    image: Any,
    padded_sides: Callable[[int, int], tuple[int, int]],
    data_format: str | None,
    input_data_format: str | None,
) -> Any:
    """Append zeros at the bottom and on the right.

    Parameters
    ----------
    image : (..., C, H, W) or (H, W, C) array or tensor
        Channels last where the first axis cannot be the channels and the last can, unless `input_data_format` says.
    padded_sides : callable
        (height, width) to the padded ones.
    data_format, input_data_format : {"channels_first", "channels_last"}, optional
        The result's layout is the input's where nothing else is asked for.

    Returns
    -------
    array or tensor
        It has the same type of numbers.

    Raises
    ------
    ImageError
        If it has no height and width.
    """
    check_data_format("data_format", data_format)
    check_data_format("input_data_format", input_data_format)
    array = as_array(image, "image")
    if array.ndim < 3:
        raise ImageError(f"image has shape {array.shape}; expected (channels, height, width)")
    found = input_data_format or _layout(array.shape)
    planes = array if found == CHANNELS_FIRST else np.moveaxis(array, -1, -3)
    height, width = planes.shape[-2:]
    rows, columns = padded_sides(height, width)
    padded = np.pad(planes, [(0, 0)] * (planes.ndim - 2) + [(0, rows - height), (0, columns - width)])
    if (data_format or found) == CHANNELS_LAST:
        padded = np.moveaxis(padded, -3, -1)
    return tensor_of(padded) if is_tensor(image) else padded


def _layout(shape: tuple[int, ...]) -> str:
    return CHANNELS_LAST if shape[-3] not in PHOTO_CHANNELS and shape[-1] in PHOTO_CHANNELS else CHANNELS_FIRST


def cropped_alphas(
    alphas: NDArray[np.floating[Any]], target_sizes: Sequence[tuple[int, int]]
) -> list[NDArray[np.floating[Any]]]:
    """Crop the padding away.

    Parameters
    ----------
    alphas : (B, 1, H, W) array or tensor
        The model's.
    target_sizes : B pairs (height, width)
        The photos' own sizes.

    Returns
    -------
    list of (height, width) arrays
        Copies; tensors, where `alphas` is one.

    Raises
    ------
    ImageError
        If the sizes are not one for each alpha, or larger than it.
    """
    like = tensor_of if is_tensor(alphas) else np.asarray
    alphas = array_of(alphas) if is_tensor(alphas) else np.asarray(alphas)
    if alphas.ndim != 4 or alphas.shape[1] != 1:
        raise ImageError(f"alphas have shape {alphas.shape}; expected (batch, 1, height, width)")
    if len(target_sizes) != len(alphas):
        raise ImageError(f"{len(alphas)} alphas and {len(target_sizes)} target sizes; expected one size for each")
    for height, width in target_sizes:
        if not (0 < height <= alphas.shape[2] and 0 < width <= alphas.shape[3]):
            raise ImageError(
                f"target size {height} x {width} (height x width) does not lie within the alpha's "
                f"{alphas.shape[2]} x {alphas.shape[3]}"
            )
    return [like(alpha[0, :height, :width].copy()) for alpha, (height, width) in zip(alphas, target_sizes, strict=True)]
