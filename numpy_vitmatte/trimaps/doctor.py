"""The trimap doctor: everything that is commonly wrong with a trimap, found before it silently spoils the alpha."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from numpy_vitmatte.images.header import stored_form
from numpy_vitmatte.images.reading import ImageSource, as_array, is_file_or_image
from numpy_vitmatte.kernels.distance import squared_distance_to
from numpy_vitmatte.trimaps.channel import trimap_levels
from numpy_vitmatte.trimaps.findings import Finding, TrimapDiagnosis
from numpy_vitmatte.trimaps.reading import BACKGROUND, FOREGROUND, NEAR, UNKNOWN, missing_classes, snap
from numpy_vitmatte.trimaps.scaling import fit_to_photo

_MOSTLY = 0.5
"""A share of unknown pixels that a trimap drawn round a subject seldom reaches."""

_EDGE = 2
"""Other levels within so many pixels of an edge are that edge, made soft by smoothing or by resizing up to four times.
Further away they are noise, or an area."""

_MANY = 0.05
"""A share of in-between gray that soft edges and accidents seldom reach."""

_MODES = {
    "1": "black and white",
    "P": "a palette",
    "PA": "a palette with transparency",
    "LA": "gray with transparency",
    "RGB": "colors",
    "RGBA": "colors with transparency",
    "CMYK": "print colors",
    "I": "32-bit integers",
    "F": "floats",
}


def check_trimap(source: ImageSource, photo: ImageSource | None = None, *, depth: int | None = None) -> TrimapDiagnosis:
    """Examine a trimap, and repair what can be repaired.

    The examination covers the form that it is stored in (mode, palette, transparency, dtype, EXIF orientation), the
    scale of its values, other levels than 0, 128 and 255, noise as JPEG leaves it, soft edges, areas of in-between
    gray, missing classes, the share of the unknown, and the size of the photo.

    Parameters
    ----------
    source : path, PIL.Image.Image, or array of shape (H, W), (H, W, C) or (C, H, W), C one of 1, 3, 4
    photo : path, PIL.Image.Image or array, optional
        Without it the size is not examined.
    depth : {8, 10, 12, 14, 16}, optional
        Bits of a trimap of integers that have more than 8; by default the largest value decides.

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
    levels, understood_as = trimap_levels(source, "trimap", depth)
    trimap, report = snap(levels, understood_as)
    form, lossy = _form(source)
    findings = [*form, *_scale(understood_as), *_value_findings(levels, trimap, lossy)]
    findings += [Finding("classes", missing, False) for missing in missing_classes(levels, trimap)]
    findings += _unknown_share(report.unknown)
    if photo is not None:
        trimap, misfit = fit_to_photo(trimap, photo)
        findings += [misfit] if misfit else []
    return TrimapDiagnosis(trimap, report, tuple(findings))


def _form(source: Any) -> tuple[list[Finding], str | None]:
    """Find what is unusual about the file, image or array; and the kind of file if it is a lossy one."""
    if not is_file_or_image(source):
        array = as_array(source, "trimap")
        if array.dtype == np.uint8 and array.ndim == 2:
            return [], None
        text = f"an array of {array.dtype}, shape {array.shape}; expected uint8, (height, width)"
        return [Finding("form", text, True)], None
    stored = stored_form(source)
    findings = []
    if stored.mode != "L":
        meaning = _MODES.get(stored.mode, "16-bit integers" if stored.mode.startswith("I;16") else "an unusual one")
        text = f"Pillow's mode {stored.mode}, {meaning}; expected L, 8-bit gray"
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
    text = f"{share:.0%} of the trimap is unknown, value {UNKNOWN}: mark what is surely subject and what surely is not"
    return [Finding("unknown share", text, False)]


def _value_findings(levels: NDArray[Any], trimap: NDArray[np.uint8], lossy: str | None) -> list[Finding]:
    """Examine the values that a trimap had before they were snapped to 0, 128 and 255.

    Parameters
    ----------
    levels : (H, W) array
        From 0 to 255.
    trimap : (H, W) uint8 array
        What they became.
    lossy : str or None
        The kind of file that explains noise: ``"JPEG"``.

    Returns
    -------
    list of Finding
        One of a kind at most, except ``"levels"``: one for each class that another level stands for.
    """
    moved = np.abs(levels.astype(np.float32) - trimap)
    near = (moved > 0.5) & (moved <= NEAR)  # a float 0.5 or a 16-bit 32768 says 128 exactly
    between = moved > NEAR
    findings = []
    for value in (BACKGROUND, UNKNOWN, FOREGROUND):
        meant = levels[(trimap == value) & ~between]
        if meant.size and meant.min() == meant.max() and abs(float(meant[0]) - value) > 0.5:
            findings.append(Finding("levels", f"{value} is written as {meant[0]:.0f} throughout", True))
            near &= trimap != value
    area = _areas(between)
    # Nobody can tell which wrong levels near an edge a lossy file had before it was compressed.
    noise = near if lossy else near & ~_beside_edges(trimap, between)
    return [*findings, *_noise(noise, moved, lossy), *_soft((near & ~noise) | (between & ~area)), *_gray_areas(area)]


def _areas(between: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the in-between gray that is thicker than a soft edge."""
    deep = between & (squared_distance_to(~between) > _EDGE**2)
    # The rim of an area is no deeper than a soft edge but belongs to the area; a corner lies _EDGE off on both axes.
    return between & (squared_distance_to(deep) <= 2 * _EDGE**2)


def _beside_edges(trimap: NDArray[np.uint8], between: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Mark pixels that have another class, or in-between gray, within reach of a soft edge along both axes."""
    beside = np.zeros(trimap.shape, bool)
    for value in (BACKGROUND, UNKNOWN, FOREGROUND):
        there = (trimap == value) & ~between
        beside |= there & (squared_distance_to(~there) <= 2 * _EDGE**2)
    return beside


def _noise(noise: NDArray[np.bool_], moved: NDArray[np.float32], lossy: str | None) -> list[Finding]:
    count = int(np.count_nonzero(noise))
    if not count:
        return []
    cause = f"the file is a {lossy}, which is lossy: keep trimaps as PNG" if lossy else "as lossy files leave them"
    text = f"{count} pixels lie up to {moved[noise].max():.0f} levels off 0, 128 and 255; {cause}"
    return [Finding("noise", text, True)]


def _soft(soft: NDArray[np.bool_]) -> list[Finding]:
    count = int(np.count_nonzero(soft))
    if not count:
        return []
    text = f"{count} pixels along edges have other levels than 0, 128 and 255, as smoothing or resizing leaves them"
    return [Finding("soft edges", text, True)]


def _gray_areas(area: NDArray[np.bool_]) -> list[Finding]:
    share = float(np.count_nonzero(area)) / area.size
    if not share:
        return []
    advice = "is it a soft mask, an alpha or a photo? numpy-vitmatte trimap MASK makes a trimap of a mask"
    text = f"{share:.1%} of the trimap lies in areas near none of 0, 128 and 255 and becomes unknown: {advice}"
    return [Finding("in-between gray", text, share <= _MANY)]
