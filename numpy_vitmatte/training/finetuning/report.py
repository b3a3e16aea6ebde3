"""The log of a run: a table of numbers, and a picture of its curve."""

import csv
import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

COLUMNS = ("step", "seconds", "rate", "loss", "smoothed loss")
"""``rate`` is the learning rate; the loss is the mean of the steps since the row before."""

_WIDTH, _HEIGHT, _LEFT, _MARGIN = 960, 480, 80, 40
_INK, _GRID, _POINTS, _CURVE = (40, 40, 40), (225, 225, 225), (190, 200, 215), (30, 90, 170)
_LINES = 5
_SMOOTHING = 0.9


def with_row(rows: Sequence[Sequence[float]], step: int, seconds: float, rate: float, loss: float) -> list[list[float]]:
    """Append a row to the log, with the loss smoothed by an average that forgets a tenth from row to row."""
    before = rows[-1][4] if rows else loss
    smoothed = _SMOOTHING * before + (1 - _SMOOTHING) * loss
    return [*map(list, rows), [step, round(seconds, 2), rate, loss, smoothed]]


def log_csv(rows: Sequence[Sequence[float]]) -> str:
    """Write the log as CSV, with a heading."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(rows)
    return text.getvalue()


def curve_picture(rows: Sequence[Sequence[float]]) -> NDArray[np.uint8]:
    """Draw the loss over the steps: every row pale, the smoothed one dark. The axis begins at 0.

    Returns
    -------
    uint8 array (480, 960, 3)
    """
    image = Image.new("RGB", (_WIDTH, _HEIGHT), "white")
    draw = ImageDraw.Draw(image)
    steps = np.array([row[0] for row in rows] or [1], float)
    largest = max((row[3] for row in rows), default=1.0) * 1.05
    last, bottom, right = float(steps.max()), _HEIGHT - _MARGIN, _WIDTH - _MARGIN
    for line in range(_LINES + 1):
        y = bottom - (bottom - _MARGIN) * line / _LINES
        draw.line([(_LEFT, y), (right, y)], fill=_GRID)
        draw.text((_LEFT - 10, y), f"{largest * line / _LINES:.3g}", fill=_INK, anchor="rm")
        x = _LEFT + (right - _LEFT) * line / _LINES
        draw.text((x, bottom + 10), f"{last * line / _LINES:.0f}", fill=_INK, anchor="mt")
    for column, color, width in ((3, _POINTS, 1), (4, _CURVE, 3)):
        values = np.array([row[column] for row in rows], float)
        across, down = _LEFT + (right - _LEFT) * steps / last, bottom - (bottom - _MARGIN) * values / largest
        draw.line(list(zip(across.tolist(), down.tolist(), strict=True)), fill=color, width=width)
    draw.text((_LEFT, _MARGIN - 12), "loss", fill=_INK, anchor="lb")
    draw.text((right, bottom + 24), "steps", fill=_INK, anchor="rt")
    return np.asarray(image)
