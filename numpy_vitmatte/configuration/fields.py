"""Both configuration classes check their fields, take them from a mapping and give them back in the same way."""

import copy
from collections.abc import Mapping
from dataclasses import Field, fields
from typing import Any, ClassVar, Protocol

from numpy_vitmatte.configuration.checks import FieldCheck
from numpy_vitmatte.errors import ConfigurationError, shown


class Configuration(Protocol):
    """A frozen dataclass with a ``model_type`` and a mapping of unknown keys in ``extra``."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]
    model_type: ClassVar[str]

    @property
    def extra(self) -> Mapping[str, Any]: ...


def apply_checks(config: Configuration, checks: Mapping[str, FieldCheck]) -> None:
    """Replace each field by its checked, canonical value (a list by a tuple, ...), within ``__post_init__``."""
    for name, check in checks.items():
        value = check(f"{type(config).__name__}.{name}", getattr(config, name))
        # A frozen dataclass sets its own fields in this way too.
        object.__setattr__(config, name, value)
    if not isinstance(config.extra, Mapping):
        raise ConfigurationError(f"{type(config).__name__}.extra must be a mapping, found {shown(config.extra)}")
    try:
        object.__setattr__(config, "extra", copy.deepcopy(dict(config.extra)))
    except RecursionError:
        raise ConfigurationError(f"{type(config).__name__}.extra is nested too deeply") from None


def split_unknown(cls: type[Configuration], values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Divide a mapping into the class's own fields and the keys it does not know; check its ``model_type``.

    Raises
    ------
    ConfigurationError
        If it is no mapping, or says it is of another model type.
    """
    if not isinstance(values, Mapping):
        raise ConfigurationError(f"{cls.__name__} must be described by a mapping, found {shown(values)}")
    model_type = values.get("model_type", cls.model_type)
    if model_type != cls.model_type:
        raise ConfigurationError(
            f"{cls.__name__}.model_type must be {cls.model_type!r} (no other is computed here), "
            f"found {shown(model_type)}"
        )
    names = {item.name for item in fields(cls)} - {"extra"}
    known = {key: value for key, value in values.items() if key in names}
    extra = {key: value for key, value in values.items() if key not in names and key != "model_type"}
    return known, extra


def fields_to_dict(config: Configuration) -> dict[str, Any]:
    """The fields, tuples as lists, and with them the unknown keys."""
    values = {item.name: getattr(config, item.name) for item in fields(config) if item.name != "extra"}
    lists = {key: list(value) if isinstance(value, tuple) else value for key, value in values.items()}
    return {**copy.deepcopy(dict(config.extra)), **lists}
