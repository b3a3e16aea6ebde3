"""Drawing in notebooks. Only ``show`` needs matplotlib; the other functions make pictures as arrays."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numpy_vitmatte.reference import linear_resize

_LIGHT, _TOKEN, _WINDOW = (255, 170, 0), (0, 255, 255), (255, 255, 255)


def show(
    *pictures: NDArray[Any],
    titles: Sequence[str] = (),
    size: float = 3.0,
    columns: int | None = None,
    percentiles: tuple[float, float] = (0, 100),
    **options: Any,
) -> None:
    """Draw pictures side by side.

    Parameters
    ----------
    *pictures : arrays (H, W) or (H, W, 3)
        Gray ones are stretched between two of their percentiles.
    titles : sequence of str
    size : float
        Side of each in inches.
    columns : int, optional
        Pictures in a row; all of them by default.
    percentiles : (low, high)
        The percentiles that become black and white; (1, 99) keeps a few extreme values from making the rest gray.
    **options
        Passed on to matplotlib's ``imshow``.
    """
    from matplotlib import pyplot as plt

    columns = columns or len(pictures)
    rows = -(-len(pictures) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(size * columns, size * rows), squeeze=False)
    for axis in axes.flat:
        axis.axis("off")
    for axis, picture in zip(axes.flat, pictures, strict=False):  # the last row may have empty places
        low, high = np.percentile(picture, percentiles) if picture.ndim == 2 else (None, None)
        axis.imshow(picture, **{"cmap": "gray", "vmin": low, "vmax": high, **options})
    for axis, title in zip(axes.flat, titles, strict=False):
        axis.set_title(title, fontsize=9)
    figure.tight_layout()
    plt.show()


def over_photo(
    photo: NDArray[np.uint8], heat: NDArray[Any], token: tuple[int, int], window: int = 0, patch: int = 16
) -> NDArray[np.uint8]:
    """Lay a map of the token grid over a photo, with frames around a token and its window.

    Parameters
    ----------
    photo : uint8 array (H, W, 3)
    heat : array (h, w)
        One value >= 0 per token, for instance its attention; the largest is drawn in full orange.
    token : (row, column)
    window : int
        Side of a window in tokens; 0 draws no frame.
    patch : int
        Side of a token in pixels.

    Returns
    -------
    uint8 array (H, W, 3)
    """
    height, width = photo.shape[:2]
    share = heat / max(heat.max(), np.finfo(np.float64).tiny)
    share = linear_resize(linear_resize(share, patch * len(heat)).swapaxes(0, 1), patch * heat.shape[1]).swapaxes(0, 1)
    share = share[:height, :width, None]
    picture = (0.6 * photo * (1 - share) + share * np.array(_LIGHT)).astype(np.uint8)
    if window:
        top, left = (patch * window * (place // window) for place in token)
        _frame(picture, top, left, patch * window, _WINDOW)
    _frame(picture, patch * token[0], patch * token[1], patch, _TOKEN)
    return picture


def _frame(picture: NDArray[np.uint8], top: int, left: int, side: int, color: tuple[int, ...], line: int = 3) -> None:
    """Draw a square's border, inside it."""
    square = picture[top : top + side, left : left + side]
    for edge in (square[:line], square[max(side - line, 0) :], square[:, :line], square[:, max(side - line, 0) :]):
        edge[...] = color


def principal_colors(*states: NDArray[Any]) -> list[NDArray[np.float64]]:
    """Show many channels as three: the principal components of all states together, so that colors can be compared.

    Parameters
    ----------
    *states : arrays (h, w, C)
        All have the same C.

    Returns
    -------
    list of float64 arrays (h, w, 3)
        In [0, 1]; one stretch, between percentiles 2 and 98, for all states.
    """
    flat = np.concatenate([np.asarray(state, np.float64).reshape(-1, state.shape[-1]) for state in states])
    flat = flat - flat.mean(axis=0)
    directions = np.linalg.eigh(flat.T @ flat)[1][:, -3:]
    components = flat @ directions[:, ::-1]
    low, high = np.percentile(components, (2, 98), axis=0)
    colors = np.clip((components - low) / (high - low), 0, 1)
    ends = np.cumsum([state.shape[0] * state.shape[1] for state in states])
    pieces = np.split(colors, ends[:-1])
    return [piece.reshape(*state.shape[:2], 3) for piece, state in zip(pieces, states, strict=True)]
