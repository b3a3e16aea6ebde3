"""Predictions: a notebook hides a result until the reader has thought of one."""

from html import escape
from typing import Any


class Prediction:
    """An answer behind a question; a notebook shows the question, and the answer on a click.

    Parameters
    ----------
    question : str
    answer : Any
        The code's result; its ``str`` is shown.
    """

    def __init__(self, question: str, answer: Any) -> None:
        self.question, self.answer = question, answer

    def _repr_html_(self) -> str:
        return f"<details><summary>{escape(self.question)}</summary><code>{escape(str(self.answer))}</code></details>"

    def __repr__(self) -> str:
        return f"{self.question} {self.answer}"


def predict(question: str, answer: Any) -> Prediction:
    """Hide ``answer`` until the reader clicks on ``question``: the last line of a notebook's cell.

    Examples
    --------
    >>> predict("What is the shape of the tokens?", (32, 32, 192))
    What is the shape of the tokens? (32, 32, 192)
    """
    return Prediction(question, answer)
