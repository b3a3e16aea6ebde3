"""``check("01.2", my_function)``: the sentence that a notebook prints under an exercise, and the report of all."""

import json
import os
from collections.abc import Callable
from typing import Any

from numpy_vitmatte._version import __version__
from numpy_vitmatte.files.atomic_write import atomic_path
from numpy_vitmatte.teaching.exercises import EXERCISES
from numpy_vitmatte.teaching.verdict import Verdict, judge

_latest: dict[str, Verdict] = {}
"""The last verdict of this process on each exercise that was checked."""


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
        _latest[number] = judge(EXERCISES[number], function)
        print(f"{number}: {_latest[number].message}")


def report(path: str | os.PathLike[str] | None = None) -> dict[str, Any]:
    """Collect the last verdict on each exercise of the notebooks that were worked on in this process.

    Parameters
    ----------
    path : str or path, optional
        A file that the report is also written to, as JSON.

    Returns
    -------
    dict
        ``"right"`` of the exercises are solved, ``"of"`` there are; ``"exercises"`` has ``"outcome"`` and ``"message"``
        by number. An exercise whose check did not run is ``"not tried yet"``; ``"numpy_vitmatte"`` is the version.

    Raises
    ------
    OSError
        If the file cannot be written.

    Examples
    --------
    >>> check("01.3", lambda height, width: (height // 16, width // 16))
    01.3: differs first at [0]: 68, expected 70, for height = 1095, width = 1281
    >>> report()["exercises"]["01.3"]["outcome"]
    'differs'
    """
    notebooks = {number.split(".")[0] for number in _latest}
    untried = Verdict("not tried yet", "not tried yet")
    verdicts = {
        number: _latest.get(number, untried) for number in sorted(EXERCISES) if number.split(".")[0] in notebooks
    }
    found = {
        "numpy_vitmatte": __version__,
        "right": sum(verdict.outcome == "right" for verdict in verdicts.values()),
        "of": len(verdicts),
        "exercises": {number: verdict._asdict() for number, verdict in verdicts.items()},
    }
    if path is not None:
        text = json.dumps(found, indent=2, ensure_ascii=False) + "\n"
        with atomic_path(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
    return found
