"""Both configuration classes check their fields, take them from a mapping and give them back in the same way."""

import copy
import functools
from collections.abc import Mapping
from dataclasses import Field, fields
from typing import Any, ClassVar, Protocol, TypeVar

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


Described = TypeVar("Described", bound=type[Any])


def keeps_unknown_keys(cls: Described) -> Described:
    """Let a dataclass with ``extra`` take any keyword and give it back as an attribute, as transformers' classes do."""
    names = {item.name for item in fields(cls)}
    initialize = cls.__init__

    @functools.wraps(initialize)
    def __init__(self: Any, *values: Any, **keys: Any) -> None:
        _check_model_type(cls, keys)
        keys.pop("model_type", None)
        unknown = {key: keys.pop(key) for key in list(keys) if key not in names}
        if unknown:
            keys["extra"] = {**keys.get("extra", {}), **unknown}
        initialize(self, *values, **keys)

    def __getattr__(self: Any, name: str) -> Any:
        try:
            return self.__dict__["extra"][name]
        except KeyError:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}") from None

    cls.__init__, cls.__getattr__ = __init__, __getattr__
    return cls


def split_unknown(cls: type[Configuration], values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Divide a mapping into the class's own fields and the keys it does not know; check its ``model_type``.

    Fields that are None are left out: so some versions of transformers write what was never set.

    Raises
    ------
    ConfigurationError
        If it is no mapping, or says it is of another model type.
    """
    if not isinstance(values, Mapping):
        raise ConfigurationError(f"{cls.__name__} must be described by a mapping, found {shown(values)}")
    _check_model_type(cls, values)
    names = {item.name for item in fields(cls)} - {"extra"}
    known = {key: value for key, value in values.items() if key in names and value is not None}
    extra = {key: value for key, value in values.items() if key not in names and key != "model_type"}
    return known, extra


def _check_model_type(cls: type[Configuration], values: Mapping[str, Any]) -> None:
    model_type = values.get("model_type", cls.model_type)
    if model_type != cls.model_type:
        raise ConfigurationError(
            f"{cls.__name__}.model_type must be {cls.model_type!r} (no other is computed here), "
            f"found {shown(model_type)}"
        )


def fields_to_dict(config: Configuration) -> dict[str, Any]:
    """Return the fields, tuples as lists, and with them the unknown keys."""
    values = {item.name: getattr(config, item.name) for item in fields(config) if item.name != "extra"}
    lists = {key: list(value) if isinstance(value, tuple) else value for key, value in values.items()}
    return {**copy.deepcopy(dict(config.extra)), **lists}
