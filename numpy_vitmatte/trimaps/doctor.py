"""The trimap doctor: everything that is commonly wrong with a trimap, found before it silently spoils the alpha."""

import os
from typing import Any

import numpy as np
from PIL import Image

from numpy_vitmatte.images.header import stored_form
from numpy_vitmatte.images.reading import ImageSource, as_array
from numpy_vitmatte.trimaps.channel import trimap_levels
from numpy_vitmatte.trimaps.findings import Finding, TrimapDiagnosis
from numpy_vitmatte.trimaps.reading import UNKNOWN, missing_classes, snap
from numpy_vitmatte.trimaps.scaling import fit_to_photo
from numpy_vitmatte.trimaps.values import value_findings

_MOSTLY = 0.5
"""A share of unknown pixels that a trimap drawn round a subject seldom reaches."""

_MODES = {
    "1": "black and white",
    "P": "a palette",
    "PA": "a palette with transparency",
    "LA": "grey with transparency",
    "RGB": "colours",
    "RGBA": "colours with transparency",
    "CMYK": "print colours",
    "I": "32-bit integers",
    "F": "floats",
}


def check_trimap(source: ImageSource, photo: ImageSource | None = None) -> TrimapDiagnosis:
    """Examine a trimap, and repair what can be repaired.

    Looked at are the form it is stored in (mode, palette, transparency, dtype, EXIF orientation), the scale of its
    values, other levels than 0, 128 and 255, noise as JPEG leaves it, soft edges, areas of in-between grey, missing
    classes, the share of the unknown, and the size of the photo.

    Parameters
    ----------
    source : path, PIL.Image.Image, or array of shape (H, W), (H, W, C) or (C, H, W), C one of 1, 3, 4
    photo : path, PIL.Image.Image or array, optional
        Without it the size is not examined.

    Returns
    -------
    TrimapDiagnosis

    Raises
    ------
    ImageError
        What no one can take for a trimap (see :func:`~numpy_vitmatte.trimaps.reading.read_trimap`), or a photo that
        cannot be read.

    Examples
    --------
    >>> diagnosis = check_trimap(np.array([[0, 127, 255]], np.uint8))
    >>> [str(finding) for finding in diagnosis.findings], diagnosis.trimap.tolist()
    (['levels: 128 is written as 127 throughout'], [[0, 128, 255]])
    """
    levels, understood_as = trimap_levels(source, "trimap")
    trimap, report = snap(levels, understood_as)
    form, lossy = _form(source)
    findings = [*form, *_scale(understood_as), *value_findings(levels, trimap, lossy)]
    findings += [Finding("classes", missing, False) for missing in missing_classes(levels, trimap)]
    findings += _unknown_share(report.unknown)
    if photo is not None:
        trimap, misfit = fit_to_photo(trimap, photo)
        findings += [misfit] if misfit else []
    return TrimapDiagnosis(trimap, report, tuple(findings))


def _form(source: Any) -> tuple[list[Finding], str | None]:
    """What is unusual about the file, image or array; the kind of file if it is a lossy one."""
    if not isinstance(source, (str, os.PathLike, Image.Image)):
        array = as_array(source, "trimap")
        if array.dtype == np.uint8 and array.ndim == 2:
            return [], None
        text = f"an array of {array.dtype}, shape {array.shape}; expected uint8, (height, width)"
        return [Finding("form", text, True)], None
    stored = stored_form(source)
    findings = []
    if stored.mode != "L":
        meaning = _MODES.get(stored.mode, "16-bit integers" if stored.mode.startswith("I;16") else "an unusual one")
        text = f"Pillow's mode {stored.mode}, {meaning}; expected L, 8-bit grey"
        findings.append(Finding("form", text, True))
    if stored.orientation != 1:
        text = f"EXIF orientation {stored.orientation}, which many tools overlook; expected upright pixels"
        findings.append(Finding("orientation", text, True))
    return findings, stored.file_format if stored.file_format == "JPEG" else None


def _scale(understood_as: str) -> list[Finding]:
    if understood_as == "values 0 to 255":
        return []
    return [Finding("scale", f"it was read as {understood_as}; other tools expect values 0, 128 and 255", True)]


def _unknown_share(share: float) -> list[Finding]:
    if share <= _MOSTLY:
        return []
    text = f"{share:.0%} of the picture is unknown, value {UNKNOWN}: mark what is surely subject and what surely is not"
    return [Finding("unknown share", text, False)]
