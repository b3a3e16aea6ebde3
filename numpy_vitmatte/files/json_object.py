"""JSON objects in files, read and written with errors that say what is wrong.

Files come from strangers: what a file may cost is bounded by its length before anything is made of it.
"""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from numpy_vitmatte.errors import ConfigurationError, VitMatteError, shown
from numpy_vitmatte.files.atomic_write import atomic_path

_LONGEST = 1_000_000  # bytes, each of which can make an object of fifty; published settings have a few thousand
_DEEPEST = 32  # containers in containers; published settings have two
_MOST_DIGITS = 20  # of an integer, as many as 64 bits have: calculating with thousands takes long, printing them fails


def read_json_object(path: Path, error: type[VitMatteError] = ConfigurationError) -> dict[str, Any]:
    """Read a file that holds one JSON object.

    Parameters
    ----------
    path : Path
    error : class
        What to raise.

    Raises
    ------
    VitMatteError
        If the file is missing, unreadable, too long, not UTF-8, not JSON, nested too deeply, holds an integer of more
        than 20 digits, or something else than an object.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_LONGEST + 1)
    except FileNotFoundError:
        raise error(f"{path}: no such file") from None
    except OSError as fault:
        raise error(f"{path} cannot be read: {fault.strerror}") from fault
    if len(content) > _LONGEST:
        raise error(f"{path} is too long: expected at most {_LONGEST} bytes of JSON")
    return parse_json_object(content, str(path), error)


@contextmanager
def settings_file(path: Path) -> Iterator[dict[str, Any]]:
    """Give the object of a settings file; what the block finds wrong with it is told with the file's name in front.

    Raises
    ------
    ConfigurationError
        See :func:`read_json_object`; also what the block raises.
    """
    values = read_json_object(path)
    try:
        yield values
    except ConfigurationError as error:
        raise ConfigurationError(f"{path}: {error}") from None


def parse_json_object(
    content: bytes, what: str, error: type[VitMatteError] = ConfigurationError, unique_keys: bool = False
) -> dict[str, Any]:
    """Make an object of JSON text in time and memory proportional to its length; `what` names it in errors.

    If a key stands there twice, the last one counts, unless keys must be unique.

    Raises
    ------
    VitMatteError
        See :func:`read_json_object`; also for a key that stands there twice.
    """
    try:
        values = json.loads(content, parse_int=_integer, object_pairs_hook=_unique if unique_keys else None)
    except json.JSONDecodeError as fault:
        raise error(f"{what} is not JSON: {fault.msg} at line {fault.lineno}, column {fault.colno}") from None
    except UnicodeDecodeError as fault:
        raise error(f"{what} is not UTF-8 text: {fault.reason} at byte {fault.start}") from None
    except ValueError as fault:
        raise error(f"{what} cannot be read: {fault}") from None
    except RecursionError:
        raise error(f"{what} is nested too deeply") from None
    if not isinstance(values, dict):
        raise error(f"{what} must hold a JSON object, found a {type(values).__name__}")
    if _is_deeper(values, _DEEPEST):
        raise error(f"{what} is nested too deeply")
    return values


def _integer(digits: str) -> int:
    if len(digits) > _MOST_DIGITS:
        raise ValueError(f"an integer of {len(digits)} digits; expected at most {_MOST_DIGITS}")
    return int(digits)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys: dict[str, Any] = {}
    for key, value in pairs:
        if key in keys:
            raise ValueError(f"{shown(key)} stands there twice")
        keys[key] = value
    return keys


def _is_deeper(values: Any, limit: int) -> bool:
    """Say whether containers are nested more than `limit` deep; level by level, since recursion is the danger."""
    level = [values]
    for _ in range(limit + 1):
        level = [
            child
            for container in level
            for child in (container.values() if isinstance(container, dict) else container)
            if isinstance(child, (dict, list))
        ]
    return bool(level)


def json_text(values: Mapping[str, Any]) -> str:
    """Give the text of a settings file: sorted by key, two spaces of indentation, a line break at the end."""
    return json.dumps(dict(values), indent=2, sort_keys=True) + "\n"


def write_json_object(path: str | os.PathLike[str], values: Mapping[str, Any]) -> None:
    """Write one JSON object, sorted by key; the folder is created if need be.

    Raises
    ------
    ConfigurationError
        If the file cannot be written or a value is nothing that JSON knows.
    """
    path = Path(path)
    try:
        text = json_text(values)
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
    except (OSError, TypeError, ValueError, RecursionError) as error:
        raise ConfigurationError(f"{path} cannot be written: {error}") from error
