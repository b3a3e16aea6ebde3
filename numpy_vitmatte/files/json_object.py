"""Settings files: one JSON object in a file, read and written with errors that say what is wrong with it."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy_vitmatte.errors import ConfigurationError
from numpy_vitmatte.files.atomic_write import atomic_path


def read_json_object(path: Path) -> dict[str, Any]:
    """Read a file that holds one JSON object.

    Raises
    ------
    ConfigurationError
        If the file is missing, unreadable, not UTF-8, not JSON, or holds something else than an object.
    """
    try:
        values = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise ConfigurationError(f"{path}: no such file") from None
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from error
    except json.JSONDecodeError as error:
        raise ConfigurationError(
            f"{path} is not JSON: {error.msg} at line {error.lineno}, column {error.colno}"
        ) from None
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path} is not UTF-8 text: {error.reason} at byte {error.start}") from None
    except ValueError as error:
        # Python refuses to turn thousands of digits into an integer.
        raise ConfigurationError(f"{path} cannot be read: {error}") from None
    except RecursionError:
        raise ConfigurationError(f"{path} is nested too deeply for a settings file") from None
    if not isinstance(values, dict):
        raise ConfigurationError(f"{path} must hold a JSON object, found a {type(values).__name__}")
    return values


def write_json_object(path: str | os.PathLike[str], values: Mapping[str, Any]) -> None:
    """Write one JSON object, sorted by key; the folder is created if need be.

    Raises
    ------
    ConfigurationError
        If the file cannot be written or a value is nothing that JSON knows.
    """
    path = Path(path)
    try:
        text = json.dumps(dict(values), indent=2, sort_keys=True) + "\n"
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
    except (OSError, TypeError, ValueError) as error:
        raise ConfigurationError(f"{path} cannot be written: {error}") from error
