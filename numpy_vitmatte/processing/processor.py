"""Photo and trimap to the network's input: the numbers of transformers' ViTMatte image processor, without torch.

Source: transformers 5.23, ``models/vitmatte/image_processing_pil_vitmatte.py``.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Unpack

import numpy as np
from numpy.typing import NDArray

from numpy_vitmatte.errors import ConfigurationError, ImageError, warn
from numpy_vitmatte.images.tensors import tensor_of
from numpy_vitmatte.processing.batch_feature import BatchFeature
from numpy_vitmatte.processing.inputs import (
    CHANNELS_LAST,
    as_list,
    check_data_format,
    photo_pixels,
    trimap_plane,
    trimaps_for,
)
from numpy_vitmatte.processing.padding import cropped_alphas, padded_image
from numpy_vitmatte.processing.pixel_values import check_same_size, network_image, padded_sides, scale_warnings
from numpy_vitmatte.processing.settings import (
    DEFAULTS,
    ProcessorSettings,
    checked_settings,
    given_settings,
)
from numpy_vitmatte.processing.stored_settings import StoredSettings
from numpy_vitmatte.runtime.placement import require_cpu

_WITHOUT_MEANING = ("do_convert_rgb", "disable_grouping")
"""Keywords of transformers that change no number here: photos become RGB, and each is taken by itself."""


class VitMatteImageProcessor(StoredSettings):
    """Makes ``pixel_values`` of photos and trimaps, and crops the padding off alphas.

    Parameters
    ----------
    **settings
        Those of :class:`ProcessorSettings`; absent or None means transformers' default. Keys that are no setting are
        kept and written back by ``save_pretrained``.

    Attributes
    ----------
    do_rescale, rescale_factor, do_normalize, image_mean, image_std, do_pad, size_divisor
        The settings.
    extra : dict
        The other keys.

    Raises
    ------
    ConfigurationError
        A setting that is not of its kind.

    Notes
    -----
    The published checkpoints' files say mean = std = 0.5, as transformers' class does, while the authors trained with
    ImageNet's mean and standard deviation. The file decides;
    :class:`~numpy_vitmatte.processing.hustvl.HustvlImageProcessor` does all as the authors do.
    """

    def preprocess(
        self,
        images: Any,
        trimaps: Any,
        *,
        return_tensors: str | None = None,
        data_format: str | None = None,
        input_data_format: str | None = None,
        **settings: Unpack[ProcessorSettings],
    ) -> BatchFeature:
        """Make the network's input. The processor itself may be called in the same way.

        Parameters
        ----------
        images : photo, batch of photos, or list of either
            Paths, Pillow images of any mode (turned upright by their EXIF orientation), or arrays of shape (H, W, C),
            (C, H, W) or (H, W); batches have one axis more. By default levels from 0 to 255 of any dtype.
        trimaps : likewise, one for each photo
            One number per pixel: 0 background, 128 unknown, 255 foreground. They are rescaled with the photo: floats in
            [0, 1] need ``do_rescale=False``, for both. Trimaps that transformers takes are read as it reads them, with
            a warning where the scale is wrong; ``numpy_vitmatte.trimaps.reading`` understands more.
        return_tensors : {"np", "pt"}, optional
            Stack, or say why it cannot be done: as an array, or as a tensor where torch is installed. When absent,
            stack if the sizes agree, otherwise give a list.
        data_format : {"channels_first", "channels_last"}, optional
            Layout of the result; first when absent, as the model takes it. transformers 5 ignores this argument.
        input_data_format : {"channels_first", "channels_last"}, optional
            Layout of photo arrays; inferred when absent.
        **settings
            Override the processor's for this call; None leaves them. Others are ignored with a warning, but for
            ``do_convert_rgb`` and ``disable_grouping``, which change nothing, and ``device``, which is the CPU.

        Returns
        -------
        BatchFeature
            ``pixel_values``: (B, 4, H, W) float32, red, green, blue, trimap; or a list of (4, H, W).

        Raises
        ------
        ImageError
            A photo or trimap that cannot be read, is empty, has NaN, or has another size than its partner.
        ConfigurationError
            A setting that is not of its kind.
        """
        if return_tensors not in (None, "np", "pt"):
            raise ConfigurationError(
                f"return_tensors must be 'np', or 'pt' where torch is installed, or None; found {return_tensors!r}"
            )
        check_data_format("data_format", data_format)
        check_data_format("input_data_format", input_data_format)
        effective = self._replaced(settings)
        photos = as_list(images, 3, "photo")
        results: list[NDArray[np.float32]] = []
        for number, (photo, trimap) in enumerate(zip(photos, trimaps_for(len(photos), trimaps), strict=True)):
            which = f" {number}" if len(photos) > 1 else ""
            photo, photo_warnings = photo_pixels(photo, input_data_format, f"photo{which}")
            trimap, trimap_warnings = trimap_plane(trimap, f"trimap{which}")
            check_same_size(photo.shape[:2], trimap.shape, which)
            for text in photo_warnings + trimap_warnings + scale_warnings(photo, trimap, effective, which):
                warn(text, stacklevel=2)
            result = self._network_image(photo, trimap, effective)
            results.append(result if data_format == CHANNELS_LAST else result.transpose(2, 0, 1))
        pixels = _stacked(results, return_tensors)
        return BatchFeature(pixel_values=tensor_of(pixels) if return_tensors == "pt" else pixels)

    __call__ = preprocess

    def post_process_alphas(
        self, alphas: NDArray[np.floating[Any]], target_sizes: Sequence[tuple[int, int]]
    ) -> list[NDArray[np.floating[Any]]]:
        """Crop the padding away: :func:`~numpy_vitmatte.processing.padding.cropped_alphas`."""
        return cropped_alphas(alphas, target_sizes)

    def padded_size(self, height: int, width: int) -> tuple[int, int]:
        """Return height and width of what ``preprocess`` makes of a photo of this size."""
        return self._padded_sides(height, width, self.size_divisor) if self.do_pad else (height, width)

    def pad_image(
        self,
        image: Any,
        size_divisor: int = 32,
        data_format: str | None = None,
        input_data_format: str | None = None,
        *,
        size_divisibility: int | None = None,
    ) -> Any:
        """Append zero rows and columns to an image, as transformers' method of this name does.

        Parameters
        ----------
        image : (C, H, W) or (H, W, C) array or tensor
            Batches of channels first may have further axes in front.
        size_divisor, size_divisibility : int
            Height and width become multiples of it. Without it they become multiples of 32, whatever this processor's
            own setting is.
        data_format, input_data_format : {"channels_first", "channels_last"}, optional
            Layouts of result and image; by default as the image is.

        Raises
        ------
        ImageError
            If it is no image.
        ConfigurationError
            If another argument is not of its kind.
        """
        divisor = checked_settings({"size_divisor": size_divisibility or size_divisor})["size_divisor"]

        def sides(height: int, width: int) -> tuple[int, int]:
            return self._padded_sides(height, width, divisor)

        return padded_image(image, sides, data_format, input_data_format)

    def _padded_sides(self, height: int, width: int, divisor: int) -> tuple[int, int]:
        """Pad each axis on its own; another convention does this differently."""
        return padded_sides(height, width, divisor)

    def _network_image(
        self, photo: NDArray[Any], trimap: NDArray[Any], settings: Mapping[str, Any]
    ) -> NDArray[np.float32]:
        """Make (H', W', 4) of (H, W, 3) and (H, W); another convention does this differently."""
        return network_image(photo, trimap, settings)

    def _replaced(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Return the settings of one call."""
        given = given_settings(settings)
        require_cpu(given.pop("device", "cpu"))
        unknown = [name for name in given if name not in DEFAULTS and name not in _WITHOUT_MEANING]
        if unknown:
            warn(
                f"{type(self).__name__} has no setting {', '.join(unknown)}; expected one of {', '.join(DEFAULTS)}: "
                "ignored",
                stacklevel=3,
            )
        return checked_settings(self._settings() | {name: given[name] for name in given if name in DEFAULTS})


def _stacked(results: list[NDArray[np.float32]], required: str | None) -> Any:
    shapes = {pixels.shape for pixels in results}
    if len(results) == 1:
        return results[0][None]  # a view: a large photo is not copied once more
    if len(shapes) == 1:
        return np.stack(results)
    if required:
        raise ImageError(
            f"return_tensors={str(required)!r} needs images of one size after padding, found {sorted(shapes)}: call "
            "the processor once for each size, or leave return_tensors out and get a list"
        )
    return results
