"""Errors of many alphas, a row each, and their mean: as a table to read, as CSV and as JSON."""

import csv
import io
from collections.abc import Mapping
from dataclasses import astuple, fields
from pathlib import Path
from typing import Any

from numpy_vitmatte.errors import ImageError
from numpy_vitmatte.images.alpha_files import read_alpha
from numpy_vitmatte.matting.metrics import AlphaErrors, alpha_errors
from numpy_vitmatte.trimaps.reading import UNKNOWN, read_trimap

UNITS = {"sad": "thousands", "mse": "thousandths", "mad": "thousandths", "grad": "thousands", "conn": "thousands"}

_HEADINGS = {"sad": "SAD", "mse": "MSE", "mad": "MAD", "grad": "Grad", "conn": "Conn"}


def evaluate_file(
    prediction: Path, truth: Path, trimap: Path | None = None, *, depth: int | None = None
) -> AlphaErrors:
    """Compute the errors of an alpha in a file.

    Parameters
    ----------
    prediction, truth : pathlib.Path
        See :func:`~numpy_vitmatte.images.alpha_files.read_alpha`.
    trimap : pathlib.Path, optional
        Only what it marks as unknown counts; without it, every pixel does.
    depth : int, optional
        Bits of levels in files of 16 that do not use all.

    Returns
    -------
    AlphaErrors

    Raises
    ------
    ImageError
        Not readable, not of one size, or nothing is unknown.
    """
    p, g = read_alpha(prediction, "prediction", depth), read_alpha(truth, "true alpha", depth)
    shapes = {"prediction": p.shape, "true alpha": g.shape}
    region = None
    if trimap is not None:
        region = read_trimap(trimap, depth=depth)[0] == UNKNOWN
        shapes["trimap"] = region.shape
    if len(set(shapes.values())) > 1:
        sizes = ", ".join(f"{name} {width} x {height}" for name, (height, width) in shapes.items())
        raise ImageError(f"sizes differ ({sizes} pixels, width x height); expected the same size")
    if region is not None and not region.any():
        raise ImageError(f"trimap {str(trimap)!r} marks nothing as unknown: not one pixel is to be scored")
    return alpha_errors(p, g, region)


def mean_errors(rows: Mapping[str, AlphaErrors]) -> AlphaErrors:
    """Average over alphas; each counts the same whatever its size, as in the literature's tables."""
    return AlphaErrors(*(sum(column) / len(rows) for column in zip(*map(astuple, rows.values()), strict=True)))


def as_table(rows: Mapping[str, AlphaErrors]) -> str:
    """Write a line for every alpha and one for the mean, in columns of three decimals."""
    last = f"mean of {len(rows)}"
    width = max(len("picture"), *map(len, rows), len(last))
    lines = [f"{'picture':{width}}" + "".join(f"{_HEADINGS[field.name]:>12}" for field in fields(AlphaErrors))]
    for name, errors in [*rows.items(), (last, mean_errors(rows))]:
        lines.append(f"{name:{width}}" + "".join(f"{value:12.3f}" for value in astuple(errors)))
    return "\n".join(lines) + "\n"


def as_csv(rows: Mapping[str, AlphaErrors]) -> str:
    """Write a heading and a line for every alpha, in full precision; no mean, so that every line is an alpha."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["picture", *(field.name for field in fields(AlphaErrors))])
    writer.writerows([name, *astuple(errors)] for name, errors in rows.items())
    return text.getvalue()


def as_json_object(rows: Mapping[str, AlphaErrors], region: str, failures: Mapping[str, str]) -> dict[str, Any]:
    """Collect everything: region, units, errors by alpha, mean, and what could not be scored."""
    names = [field.name for field in fields(AlphaErrors)]
    return {
        "region": region,
        "units": UNITS,
        "pictures": {name: dict(zip(names, astuple(errors), strict=True)) for name, errors in rows.items()},
        "mean": dict(zip(names, astuple(mean_errors(rows)), strict=True)),
        "failed": dict(failures),
    }
