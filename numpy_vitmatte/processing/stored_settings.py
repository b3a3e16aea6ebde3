"""The settings of an image processor as an object: checked, read from and written to ``preprocessor_config.json``."""

import copy
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self, Unpack

from numpy_vitmatte.errors import ConfigurationError, shown, warn
from numpy_vitmatte.files.json_object import settings_file
from numpy_vitmatte.files.json_settings import JsonSettings
from numpy_vitmatte.hub.file_names import CONFIG_FILE, PREPROCESSOR_FILE
from numpy_vitmatte.hub.options import split_options
from numpy_vitmatte.hub.resolve import checkpoint_directory
from numpy_vitmatte.processing.settings import DEFAULTS, LoadingSettings, checked_settings, given_settings

_KINDS_OF_PROCESSOR = ("image_processor_type", "feature_extractor_type", "processor_class")
"""Keys of the file that name a class."""


class StoredSettings(JsonSettings):
    """The settings that an image processor is given once; :class:`VitMatteImageProcessor` does the work.

    Attributes
    ----------
    do_rescale, rescale_factor, do_normalize, image_mean, image_std, do_pad, size_divisor
        The settings of :class:`~numpy_vitmatte.processing.settings.ProcessorSettings`.
    extra : dict
        The other keys.
    """

    FILE_NAME: ClassVar[str] = PREPROCESSOR_FILE
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

    @property
    def size_divisibility(self) -> int:
        """Older name of ``size_divisor``."""
        return self.size_divisor

    @size_divisibility.setter
    def size_divisibility(self, value: int) -> None:
        self.size_divisor = value

    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | os.PathLike[str],
        revision: str | None = None,
        **settings: Unpack[LoadingSettings],
    ) -> Self:
        """Read the ``preprocessor_config.json`` of a checkpoint.

        Parameters
        ----------
        pretrained_model_name_or_path : str or path
            Name of a bundled checkpoint, a checkpoint's directory, such a JSON file itself, or a name on the hub.
        revision : str, optional
            Branch, tag, commit or pull request of the hub's repository.
        **settings
            Override those of the file; and those of :class:`~numpy_vitmatte.hub.options.HubOptions`.

        Raises
        ------
        CheckpointError
            If there is no such checkpoint.
        DownloadError
            If it is the hub's and cannot be downloaded.
        ConfigurationError
            If the file is absent, is not a JSON object, is another model's, or holds a setting that is not of its kind.

        Warns
        -----
        UserWarning
            If the directory or repository of a model has no such file; the defaults are taken then.
        """
        source, given = split_options(settings, revision)
        path = Path(pretrained_model_name_or_path)
        if revision is None and path.suffix == ".json" and path.is_file():
            with settings_file(path) as values:
                return cls.from_dict(values, **given)
        directory = checkpoint_directory(pretrained_model_name_or_path, source, (CONFIG_FILE, PREPROCESSOR_FILE))
        return cls.from_directory(directory, **given)

    @classmethod
    def from_directory(cls, directory: Path, **settings: Any) -> Self:
        """Read the ``preprocessor_config.json`` of a checkpoint that is found already.

        Errors and warnings are those of :meth:`from_pretrained`; `settings` override those of the file.
        """
        path = directory / PREPROCESSOR_FILE
        if (directory / CONFIG_FILE).is_file() and not os.path.lexists(path):
            warn(_defaults_taken(path), stacklevel=3)
            return cls(**settings)
        with settings_file(path) as values:
            return cls.from_dict(values, **settings)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], **settings: Any) -> Self:
        """Build from the contents of a ``preprocessor_config.json``; `settings` override them.

        Raises
        ------
        ConfigurationError
            If they are another model's, or a setting is not of its kind.
        """
        kept = {key: value for key, value in values.items() if key not in _KINDS_OF_PROCESSOR}
        kind = values.get("image_processor_type")
        if kind is not None and not str(kind).startswith(cls.__name__):
            raise ConfigurationError(f"image_processor_type is {shown(kind)}, expected a {cls.__name__}")
        return cls(**{**given_settings(kept), **given_settings(settings)})

    def to_dict(self) -> dict[str, Any]:
        """Return settings and unknown keys, as in ``preprocessor_config.json``."""
        lists = {key: list(value) if isinstance(value, tuple) else value for key, value in self._settings().items()}
        return {**copy.deepcopy(self.extra), **lists, "image_processor_type": type(self).__name__}

    def __repr__(self) -> str:
        settings = ", ".join(f"{name}={value!r}" for name, value in self._settings().items())
        return f"{type(self).__name__}({settings})"

    def _settings(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in DEFAULTS}


def _defaults_taken(path: Path) -> str:
    return (
        f"{path} is not there, so the photo is prepared by the defaults, mean and standard deviation 0.5: the profile "
        "'hf'. If the network was trained by its authors' recipe, ask for the profile 'hustvl'. "
        "VitMatteImageProcessor(...).save_pretrained(folder) writes the file"
    )
