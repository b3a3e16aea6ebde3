"""The doctor's look at a trimap's values: other levels, noise, soft edges, areas of in-between grey."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from numpy_vitmatte.kernels.distance import squared_distance_to
from numpy_vitmatte.trimaps.findings import Finding
from numpy_vitmatte.trimaps.reading import BACKGROUND, FOREGROUND, NEAR, UNKNOWN

_EDGE = 2
"""Pixels up to which other levels beside an edge are that edge, made soft: what smoothing leaves, and resizing by up to
four. Further away they are noise, or an area."""

_MANY = 0.05
"""A share of in-between grey that soft edges and accidents seldom reach."""


def value_findings(levels: NDArray[Any], trimap: NDArray[np.uint8], lossy: str | None) -> list[Finding]:
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
        At most one of each kind but ``"levels"``, of which there is one for each class that another level stands for.
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
    # Of a lossy file nobody can tell which of its wrong levels beside an edge were there before.
    noise = near if lossy else near & ~_beside_edges(trimap, between)
    return [*findings, *_noise(noise, moved, lossy), *_soft((near & ~noise) | (between & ~area)), *_gray(area)]


def _areas(between: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The in-between grey that is thicker than a soft edge."""
    deep = between & (squared_distance_to(~between) > _EDGE**2)
    # The rim of an area is no deeper than a soft edge but belongs to the area; a corner lies _EDGE off on both axes.
    return between & (squared_distance_to(deep) <= 2 * _EDGE**2)


def _beside_edges(trimap: NDArray[np.uint8], between: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Where another class, or in-between grey, lies within reach of a soft edge along both axes."""
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


def _gray(area: NDArray[np.bool_]) -> list[Finding]:
    share = float(np.count_nonzero(area)) / area.size
    if not share:
        return []
    advice = "is it a soft mask, an alpha or a picture? Of a mask, numpy-vitmatte trimap MASK makes a trimap"
    text = f"{share:.1%} of the picture lies in areas near none of 0, 128 and 255 and becomes unknown: {advice}"
    return [Finding("in-between grey", text, share <= _MANY)]
