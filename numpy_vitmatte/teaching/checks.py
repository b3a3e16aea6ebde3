"""``check("01.2", my_function)``: the sentence that a notebook prints under an exercise."""

from collections.abc import Callable
from typing import Any

from numpy_vitmatte.teaching.exercises import EXERCISES
from numpy_vitmatte.teaching.verdict import judge


def check(number: str, function: Callable[..., Any]) -> None:
    """Print the verdict on an exercise. Nothing is ever raised, so that all cells of a notebook run.

    Parameters
    ----------
    number : str
        The exercise's number, such as ``"01.2"``.
    function : callable
        Your answer.

    Examples
    --------
    >>> check("01.3", lambda height, width: (height // 16, width // 16))
    01.3: differs first at [0]: 68, expected 70, for height = 1095, width = 1281
    """
    if number not in EXERCISES:
        print(f"{number}: there is no such exercise; there are {', '.join(sorted(EXERCISES))}")
    else:
        print(f"{number}: {judge(EXERCISES[number], function).message}")
