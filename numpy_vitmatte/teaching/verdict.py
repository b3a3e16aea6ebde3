"""Checks of exercises: a learner's function compared with the specification on random inputs. A check never raises.

An exercise is a specification in float64 and a recipe for inputs. The verdict is one sentence: not tried yet, a wrong
shape, the first place that differs, or right.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

_TRIALS = 5
_TOLERANCE = 1e-6
"""Share of the largest expected value, or of 1: learners compute in float64, or in float32 where a picture is."""


class Exercise(NamedTuple):
    """The specification and the inputs of an exercise.

    Attributes
    ----------
    specification : callable
        The right answer, written for reading: numbers, or a tuple of arrays.
    inputs : callable
        Takes a random generator and gives a dict of arguments by name, in the order of the function's parameters.
    """

    specification: Callable[..., Any]
    inputs: Callable[[np.random.Generator], dict[str, Any]]


class Verdict(NamedTuple):
    """The result of a check: ``outcome`` is one of five words, ``message`` is for the learner to read.

    Outcomes are ``"not tried yet"``, ``"wrong shape"``, ``"differs"``, ``"failed"`` (it raised, gave no numbers or
    changed its input) and ``"right"``.
    """

    outcome: str
    message: str


def judge(exercise: Exercise, function: Callable[..., Any], seed: int = 0) -> Verdict:
    """Compare a function with the specification on random inputs.

    Parameters
    ----------
    exercise : Exercise
    function : callable
        The learner's answer. A stub raises ``NotImplementedError``.
    seed : int
        Chooses the inputs.

    Returns
    -------
    Verdict
        The verdict on the first input that finds something, else ``"right"``. Nothing is raised, whatever the function
        does.
    """
    if not callable(function):
        return Verdict("failed", f"your answer is no function but {type(function).__name__}")
    generator = np.random.default_rng(seed)
    for _ in range(_TRIALS):
        arguments = exercise.inputs(generator)
        expected = exercise.specification(*_copies(arguments).values())
        given = _copies(arguments)
        try:
            with np.errstate(all="ignore"):  # what overflows is told by the numbers
                answer = function(*given.values())
        except NotImplementedError:
            return Verdict("not tried yet", "not tried yet")
        except Exception as error:  # it is told to the learner, not passed on
            return Verdict("failed", f"your function raised {type(error).__name__}: {error}{_told(arguments)}")
        verdict = _judged(answer, expected, arguments)
        if verdict is not None:
            return verdict
        changed = [name for name, value in arguments.items() if not np.array_equal(value, given[name])]
        if changed:
            return Verdict("failed", f"your function changes its input {changed[0]}; work on a copy")
    return Verdict("right", "right")


def _judged(answer: Any, expected: Any, arguments: dict[str, Any]) -> Verdict | None:
    """Compare an answer, or each of several arrays."""
    if answer is None:
        return Verdict("failed", "your function returns nothing; did you forget 'return'?")
    if not (isinstance(expected, tuple) and any(np.ndim(part) for part in expected)):
        return _compared(answer, np.asarray(expected, np.float64), arguments)
    if not isinstance(answer, (tuple, list)) or len(answer) != len(expected):
        found = f"{len(answer)} results" if isinstance(answer, (tuple, list)) else "one result"
        return Verdict("failed", f"your function returns {found}, expected {len(expected)}")
    for index, (one, other) in enumerate(zip(answer, expected, strict=True)):
        verdict = _compared(one, np.asarray(other, np.float64), arguments)
        if verdict is not None:
            return verdict._replace(message=f"result {index}: {verdict.message}")
    return None


def _compared(answer: Any, expected: np.ndarray, arguments: dict[str, Any]) -> Verdict | None:
    try:
        if np.iscomplexobj(answer):
            return Verdict("failed", "your function returns complex numbers, expected real ones")
        numbers = np.asarray(answer, np.float64)
    except (TypeError, ValueError):
        return Verdict("failed", f"your function returns {type(answer).__name__}, expected numbers")
    if numbers.shape != expected.shape:
        return Verdict("wrong shape", f"shape {numbers.shape}, expected {expected.shape}{_told(arguments)}")
    bound = _TOLERANCE * max(1.0, np.abs(expected).max(initial=0))
    wrong = np.argwhere(~(np.abs(numbers - expected) <= bound))  # not a number is wrong as well
    if not len(wrong):
        return None
    place = tuple(int(index) for index in wrong[0])
    where = f"differs first at {list(place)}" if place else "differs"
    found = f"{numbers[place]:.6g}, expected {expected[place]:.6g}"
    return Verdict("differs", f"{where}: {found}{_told(arguments)}")


def _copies(arguments: dict[str, Any]) -> dict[str, Any]:
    return {name: value.copy() if isinstance(value, np.ndarray) else value for name, value in arguments.items()}


def _told(arguments: dict[str, Any]) -> str:
    """Describe arguments in a few words: small ones as they are, arrays by their shape; nothing if there are none."""
    words = ", ".join(
        f"{name} of shape {value.shape}" if isinstance(value, np.ndarray) and value.size > 8 else f"{name} = {value}"
        for name, value in arguments.items()
    )
    return f", for {words}" if words else ""
