"""Settings that are an object in Python and a JSON file on disk."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self, Unpack

from numpy_vitmatte.files.json_object import json_text, settings_file, write_json_object
from numpy_vitmatte.files.saving import LocalFiles, SavingOptions, check_saving


class JsonSettings(LocalFiles):
    """The files of a class that has ``from_dict`` and ``to_dict``: methods under the names of transformers."""

    FILE_NAME: ClassVar[str]

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Build from the contents of such a file."""
        raise NotImplementedError

    def to_dict(self) -> dict[str, Any]:
        """Return the contents of such a file."""
        raise NotImplementedError

    @classmethod
    def from_json_file(cls, path: str | os.PathLike[str]) -> Self:
        """Read a file that holds what :meth:`to_dict` gives.

        Raises
        ------
        ConfigurationError
            If the file is absent, is not a JSON object, or holds what :meth:`from_dict` refuses.
        """
        with settings_file(Path(path)) as values:
            return cls.from_dict(values)

    def to_json_string(self) -> str:
        """Return the text of the file."""
        return json_text(self.to_dict())

    def to_json_file(self, path: str | os.PathLike[str]) -> None:
        """Write such a file.

        Raises
        ------
        ConfigurationError
            If it cannot be written, or an unknown key holds something that JSON does not know.
        """
        write_json_object(path, self.to_dict())

    def save_pretrained(self, save_directory: str | os.PathLike[str], **options: Unpack[SavingOptions]) -> None:
        """Write the file under its own name into a directory, which is created if need be.

        Raises
        ------
        ConfigurationError
            See :meth:`to_json_file`.
        CheckpointError
            If an upload is asked for.
        TypeError
            If there is no such option.
        """
        check_saving(options)
        self.to_json_file(Path(save_directory) / self.FILE_NAME)
