"""Checks of single fields of a configuration: each returns the value in its one canonical form.

Written here because the fields and their meaning are transformers' and the messages ours; pydantic would be a further
dependency.

Every check takes the field's full name (``"VitDetConfig.hidden_size"``) and the value found, and raises
:class:`~numpy_vitmatte.errors.ConfigurationError` naming both. ``True`` is no integer here although Python says so:
``"window_size": true`` is a slip of the pen, not a window of one token.
"""

import math
from collections.abc import Callable, Sequence
from numbers import Integral, Real
from typing import Any, NoReturn, TypeVar

from numpy_vitmatte.errors import ConfigurationError, shown

Number = TypeVar("Number", int, float)

FieldCheck = Callable[[str, Any], Any]

# Far beyond any network; a file that asks for more would fill the memory before its tensors are looked for.
_MOST_BLOCKS, _LARGEST_RATIO, _LARGEST_INTEGER = 1000, 1000, 2**31 - 1
_LARGEST_WINDOW, _LARGEST_DIVISOR, _LARGEST_SIDE = 128, 1024, 2**20
_MOST_FUSION_BLOCKS = 16  # each doubles rows and columns


def _refuse(name: str, expected: str, value: object) -> NoReturn:
    raise ConfigurationError(f"{name} must be {expected}, found {shown(value)}")


def _at_most(limit: int, name: str, value: Number) -> Number:
    if value > limit:
        _refuse(name, f"at most {limit}", value)
    return value


def _is_integer(value: object, minimum: int) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool) and int(value) >= minimum


def _number(value: object) -> float:
    """Return the value as a float; NaN, which no comparison lets pass, if it is no number."""
    if not isinstance(value, Real) or isinstance(value, bool):
        return math.nan
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _is_sequence(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes))


def positive_integer(name: str, value: Any) -> int:
    """Require an integer of at least 1."""
    if not _is_integer(value, minimum=1):
        _refuse(name, "a positive integer", value)
    return _at_most(_LARGEST_INTEGER, name, int(value))


def block_count(name: str, value: Any) -> int:
    """Require an integer from 1 to 1000."""
    return _at_most(_MOST_BLOCKS, name, positive_integer(name, value))


def non_negative_integer(name: str, value: Any) -> int:
    """Require an integer of at least 0."""
    if not _is_integer(value, minimum=0):
        _refuse(name, "an integer of at least 0", value)
    return _at_most(_LARGEST_INTEGER, name, int(value))


def window_size(name: str, value: Any) -> int:
    """Require an integer from 0 to 128: tokens are padded to whole windows, whatever the image's size."""
    return _at_most(_LARGEST_WINDOW, name, non_negative_integer(name, value))


def size_divisor(name: str, value: Any) -> int:
    """Require an integer from 1 to 1024: images are padded to multiples of it, however small they are."""
    return _at_most(_LARGEST_DIVISOR, name, positive_integer(name, value))


def finite_number(name: str, value: Any, expected: str = "a finite number") -> float:
    """Require a number that is neither infinite nor NaN, as a float."""
    number = _number(value)
    if not math.isfinite(number):
        _refuse(name, expected, value)
    return number


def positive_number(name: str, value: Any) -> float:
    """Require a finite number above 0, as a float."""
    number = _number(value)
    if not 0 < number < math.inf:
        _refuse(name, "a positive finite number", value)
    return number


def positive_ratio(name: str, value: Any) -> int | float:
    """Require a number in (0, 1000]; a whole one becomes an int, the only ``mlp_ratio`` that transformers 5 reads."""
    ratio = _at_most(_LARGEST_RATIO, name, positive_number(name, value))
    return int(ratio) if ratio.is_integer() else ratio


def probability(name: str, value: Any) -> float:
    """Require a number from 0 to 1."""
    number = _number(value)
    if not 0 <= number <= 1:
        _refuse(name, "a number from 0 to 1", value)
    return number


def boolean(name: str, value: Any) -> bool:
    """Require ``True`` or ``False``, not 0 or 1."""
    if not isinstance(value, bool):
        _refuse(name, "true or false", value)
    return value


def exact_gelu_name(name: str, value: Any) -> str:
    """Require the name of the one activation that is computed: the exact, error-function GELU."""
    if value != "gelu":
        _refuse(name, "'gelu' (no other activation is computed here)", value)
    return value


def decoder_channels(name: str, value: Any) -> tuple[int, ...]:
    """Require a sequence of up to 16 integers of at least 1, as a tuple."""
    if not _is_sequence(value) or not all(_is_integer(item, minimum=1) for item in value):
        _refuse(name, "a list of positive integers", value)
    if len(value) > _MOST_FUSION_BLOCKS:
        _refuse(name, f"at most {_MOST_FUSION_BLOCKS} integers", value)
    return tuple(_at_most(_LARGEST_INTEGER, name, int(item)) for item in value)


def block_indices(name: str, value: Any) -> tuple[int, ...]:
    """Require a sequence of block numbers counted from 0, as a tuple."""
    if not _is_sequence(value) or not all(_is_integer(item, minimum=0) for item in value):
        _refuse(name, "a list of block numbers counted from 0", value)
    if len(value) > _MOST_BLOCKS:
        _refuse(name, f"at most {_MOST_BLOCKS} block numbers", value)
    return tuple(int(item) for item in value)


def image_side(name: str, value: Any) -> int | tuple[int, int]:
    """Require one side length of at most 2**20 pixels for a square, or a pair (rows, columns)."""
    if _is_integer(value, minimum=1):
        return _at_most(_LARGEST_SIDE, name, int(value))
    if not _is_sequence(value) or len(value) != 2 or not all(_is_integer(item, minimum=1) for item in value):
        _refuse(name, "a positive integer or a pair of them (rows, columns)", value)
    rows, columns = (_at_most(_LARGEST_SIDE, name, int(side)) for side in value)
    return rows, columns


def square_side(name: str, value: Any) -> int:
    """Require one side length in pixels; a pair is taken when both its sides are equal."""
    side = image_side(name, value)
    if isinstance(side, int):
        return side
    if side[0] != side[1]:
        _refuse(name, "square", value)
    return side[0]


def optional(check: FieldCheck) -> FieldCheck:
    """Apply the same check to a field that may also be absent (``None``)."""
    return lambda name, value: None if value is None else check(name, value)


def stage_names(name: str, value: Any) -> tuple[str, ...]:
    """Require a sequence of stage names, as a tuple."""
    if not _is_sequence(value) or not all(isinstance(item, str) for item in value):
        _refuse(name, "a list of stage names", value)
    if len(value) > _MOST_BLOCKS + 1:
        _refuse(name, f"at most {_MOST_BLOCKS + 1} stage names", value)
    return tuple(value)


def stage_indices(name: str, value: Any) -> tuple[int, ...]:
    """Require a sequence of stage numbers, negative ones counting from the end, as a tuple."""
    if not _is_sequence(value) or not all(isinstance(item, Integral) and not isinstance(item, bool) for item in value):
        _refuse(name, "a list of integers", value)
    if len(value) > _MOST_BLOCKS + 1:
        _refuse(name, f"at most {_MOST_BLOCKS + 1} integers", value)
    return tuple(int(item) for item in value)
