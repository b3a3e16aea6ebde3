"""Photo and trimap to the network's input: the numbers of transformers' ViTMatte image processor, without torch.

Source: transformers 5.23, ``models/vitmatte/image_processing_pil_vitmatte.py``.
"""

import copy
import os
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self, Unpack

import numpy as np
from numpy.typing import NDArray

from numpy_vitmatte.errors import ConfigurationError, ImageError, shown
from numpy_vitmatte.files.json_object import settings_file, write_json_object
from numpy_vitmatte.hub.file_names import PREPROCESSOR_FILE
from numpy_vitmatte.hub.resolve import checkpoint_directory
from numpy_vitmatte.processing.inputs import (
    CHANNELS_LAST,
    as_list,
    check_data_format,
    photo_pixels,
    trimap_plane,
    trimaps_for,
)
from numpy_vitmatte.processing.pixel_values import check_same_size, network_image, padded_sides, scale_warnings
from numpy_vitmatte.processing.settings import DEFAULTS, ProcessorSettings, checked_settings, given_settings


class BatchFeature(dict[str, Any]):
    """The processor's result: a dict, for ``model(**inputs)``, whose entries are attributes too."""

    def __getattr__(self, name: str) -> Any:
        """Entry `name`."""
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


class VitMatteImageProcessor:
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

    do_rescale: bool
    rescale_factor: float
    do_normalize: bool
    image_mean: float | tuple[float, ...]
    image_std: float | tuple[float, ...]
    do_pad: bool
    size_divisor: int

    def __init__(self, **settings: Any) -> None:
        given = given_settings(settings)
        self.extra = {key: given.pop(key) for key in list(given) if key not in DEFAULTS}
        self.__dict__.update(checked_settings({**DEFAULTS, **given}))

    @classmethod
    def from_pretrained(
        cls, name_or_path: str | os.PathLike[str], revision: str | None = None, **settings: Unpack[ProcessorSettings]
    ) -> Self:
        """Read the ``preprocessor_config.json`` of a checkpoint.

        Parameters
        ----------
        name_or_path : str or path
            Name of a bundled checkpoint, a checkpoint's directory, such a JSON file itself, or a name on the hub.
        revision : str, optional
            Branch, tag, commit or pull request of the hub's repository.
        **settings
            Override those of the file.

        Raises
        ------
        CheckpointError
            If there is no such checkpoint.
        DownloadError
            If it is the hub's and cannot be downloaded.
        ConfigurationError
            If the file is absent, is not a JSON object, is another model's, or holds a setting that is not of its kind.
        """
        path = Path(name_or_path)
        if revision is not None or path.suffix != ".json" or not path.is_file():
            path = checkpoint_directory(name_or_path, revision, (PREPROCESSOR_FILE,)) / PREPROCESSOR_FILE
        with settings_file(path) as values:
            kind = values.pop("image_processor_type", None)
            if kind is not None and not str(kind).startswith(cls.__name__):
                raise ConfigurationError(f"image_processor_type is {shown(kind)}, expected a {cls.__name__}")
            for older_name in ("feature_extractor_type", "processor_class"):
                values.pop(older_name, None)
            return cls(**{**given_settings(values), **given_settings(settings)})

    def save_pretrained(self, directory: str | os.PathLike[str]) -> None:
        """Write ``preprocessor_config.json`` into a directory, which is created if need be.

        Raises
        ------
        ConfigurationError
            If it cannot be written.
        """
        write_json_object(Path(directory) / PREPROCESSOR_FILE, self.to_dict())

    def to_dict(self) -> dict[str, Any]:
        """Settings and unknown keys, as in ``preprocessor_config.json``."""
        lists = {key: list(value) if isinstance(value, tuple) else value for key, value in self._settings().items()}
        return {**copy.deepcopy(self.extra), **lists, "image_processor_type": type(self).__name__}

    def __repr__(self) -> str:
        settings = ", ".join(f"{name}={value!r}" for name, value in self._settings().items())
        return f"{type(self).__name__}({settings})"

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
            [0, 1] need ``do_rescale=False``, for both. What transformers takes is taken as it takes it, with a warning
            where the scale is wrong; ``numpy_vitmatte.trimaps.reading`` understands more.
        return_tensors : {"np"}, optional
            "np": stack, or say why it cannot be done. When absent, stack if the sizes agree, otherwise give a list.
        data_format : {"channels_first", "channels_last"}, optional
            Layout of the result; first when absent, as the model takes it. transformers 5 ignores this argument.
        input_data_format : {"channels_first", "channels_last"}, optional
            Layout of photo arrays; inferred when absent.
        **settings
            Override the processor's for this call; None leaves them.

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
        if return_tensors not in (None, "np"):
            raise ConfigurationError(
                f"return_tensors must be 'np' or None, there is no torch here; found {return_tensors!r}"
            )
        check_data_format("data_format", data_format)
        check_data_format("input_data_format", input_data_format)
        effective = self._replaced(settings)._settings()
        photos = as_list(images, 3, "photo")
        results: list[NDArray[np.float32]] = []
        for number, (photo, trimap) in enumerate(zip(photos, trimaps_for(len(photos), trimaps), strict=True)):
            which = f" {number}" if len(photos) > 1 else ""
            photo, photo_warnings = photo_pixels(photo, input_data_format, f"photo{which}")
            trimap, trimap_warnings = trimap_plane(trimap, f"trimap{which}")
            check_same_size(photo.shape[:2], trimap.shape, which)
            for text in photo_warnings + trimap_warnings + scale_warnings(photo, trimap, effective, which):
                warnings.warn(text, UserWarning, stacklevel=2)
            result = self._network_image(photo, trimap, effective)
            results.append(result if data_format == CHANNELS_LAST else result.transpose(2, 0, 1))
        return BatchFeature(pixel_values=_stacked(results, required=return_tensors == "np"))

    __call__ = preprocess

    def post_process_alphas(
        self, alphas: NDArray[np.floating[Any]], target_sizes: Sequence[tuple[int, int]]
    ) -> list[NDArray[np.floating[Any]]]:
        """Crop the padding away.

        Parameters
        ----------
        alphas : (B, 1, H, W) array
            The model's.
        target_sizes : B pairs (height, width)
            The photos' own sizes.

        Returns
        -------
        list of (height, width) arrays
            Copies.

        Raises
        ------
        ImageError
            If the sizes are not one for each alpha, or larger than it.
        """
        alphas = np.asarray(alphas)
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
        return [alpha[0, :height, :width].copy() for alpha, (height, width) in zip(alphas, target_sizes, strict=True)]

    def padded_size(self, height: int, width: int) -> tuple[int, int]:
        """Height and width of what ``preprocess`` makes of a photo of this size."""
        return padded_sides(height, width, self.size_divisor) if self.do_pad else (height, width)

    def _network_image(
        self, photo: NDArray[Any], trimap: NDArray[Any], settings: Mapping[str, Any]
    ) -> NDArray[np.float32]:
        """Make (H', W', 4) of (H, W, 3) and (H, W): what another convention does differently."""
        return network_image(photo, trimap, settings)

    def _settings(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in DEFAULTS}

    def _replaced(self, settings: ProcessorSettings) -> Self:
        given = given_settings(settings)
        unknown = [name for name in given if name not in DEFAULTS]
        if unknown:
            raise TypeError(f"{type(self).__name__} has no setting {', '.join(unknown)}")
        return type(self)(**{**self._settings(), **given})


def _stacked(results: list[NDArray[np.float32]], required: bool) -> Any:
    shapes = {pixels.shape for pixels in results}
    if len(results) == 1:
        return results[0][None]  # a view: a large photo is not copied once more
    if len(shapes) == 1:
        return np.stack(results)
    if required:
        raise ImageError(
            f"return_tensors='np' needs images of one size after padding, found {sorted(shapes)}: call the processor "
            "once for each size, or leave return_tensors out and get a list"
        )
    return results
