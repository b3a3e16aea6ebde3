"""Pictures to learn on: the bundled photo, and drawn ones with hair whose alpha is known exactly."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from numpy_vitmatte.cli.demo import bundled_photo
from numpy_vitmatte.errors import VitMatteError
from numpy_vitmatte.reference import linear_resize
from numpy_vitmatte.trimaps.reading import read_trimap

_STRANDS = 40
_UNKNOWN_MARGIN = 3
"""Pixels around a partly covered one that the trimap leaves unknown."""


class Toy(NamedTuple):
    """A drawn picture and everything that it was made of.

    Attributes
    ----------
    photo : uint8 array (H, W, 3)
        ``alpha * foreground + (1 - alpha) * background``, rounded to levels.
    alpha : float64 array (H, W)
        The truth, in [0, 1].
    trimap : uint8 array (H, W)
        0, 128 and 255. Where it is 0 or 255, alpha is exactly 0 or 1.
    foreground, background : float64 array (H, W, 3)
        Both everywhere, in [0, 1].
    """

    photo: NDArray[np.uint8]
    alpha: NDArray[np.float64]
    trimap: NDArray[np.uint8]
    foreground: NDArray[np.float64]
    background: NDArray[np.float64]


def demo_photo() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Read the photo that comes with the package, and its trimap.

    Returns
    -------
    photo : uint8 array (512, 512, 3)
    trimap : uint8 array (512, 512)
        0: background, 128: unknown, 255: foreground.

    Raises
    ------
    VitMatteError
        If this installation lacks them.
    """
    photo, trimap = bundled_photo()
    return np.asarray(Image.open(photo).convert("RGB")), read_trimap(trimap)[0]


def hairy_picture(seed: int = 0, size: int = 256) -> Toy:
    """Draw a disc with strands of hair, and lay it over a background, by the matting equation.

    Alpha is 1 inside a shape, 0 outside, and falls linearly across one pixel at its edge. A strand is thinner than that
    and never covers a pixel wholly.

    Parameters
    ----------
    seed : int
        The same number gives the same picture.
    size : int
        Height and width in pixels, at least 32.

    Raises
    ------
    VitMatteError
        If the picture would be too small to hold a disc with hair.
    """
    if size < 32:
        raise VitMatteError(f"a picture of {size} pixels holds no disc with hair; ask for 32 or more")
    generator = np.random.default_rng(seed)
    alpha = _disc_with_strands(generator, size)
    foreground, background = (_texture(generator, size, color) for color in ((0.75, 0.5, 0.3), (0.25, 0.45, 0.6)))
    exact = alpha[..., None] * foreground + (1 - alpha[..., None]) * background
    return Toy(np.rint(255 * exact).astype(np.uint8), alpha, _trimap(alpha), foreground, background)


def _disc_with_strands(generator: np.random.Generator, size: int) -> NDArray[np.float64]:
    """Draw the alpha of a disc below the middle and of bent strands that grow out of its upper half."""
    y, x = np.mgrid[:size, :size] + 0.5  # centers of pixels
    middle_y, middle_x, radius = 0.6 * size, 0.5 * size, 0.22 * size
    alpha = np.clip(radius + 0.5 - np.hypot(y - middle_y, x - middle_x), 0, 1)
    for _ in range(_STRANDS):
        angle = np.pi * generator.uniform(1.05, 1.95)  # upwards: rows count down
        length, bend = size * generator.uniform(0.1, 0.3), generator.uniform(-0.6, 0.6)
        along = np.linspace(0, 1, 9)
        direction = angle + bend * along
        points_y = middle_y + radius * 0.95 * np.sin(angle) + length * along * np.sin(direction)
        points_x = middle_x + radius * 0.95 * np.cos(angle) + length * along * np.cos(direction)
        half_width = generator.uniform(0.15, 0.45)  # pixels
        distance = _distance_to_line(y, x, points_y, points_x)
        alpha = np.maximum(alpha, np.clip(half_width + 0.5 - distance, 0, 1))
    return alpha


def _distance_to_line(y: NDArray, x: NDArray, points_y: NDArray, points_x: NDArray) -> NDArray[np.float64]:
    """Compute the distance of every pixel to the nearest piece of a line through points."""
    nearest = np.full(y.shape, np.inf)
    for index in range(len(points_y) - 1):
        step_y, step_x = points_y[index + 1] - points_y[index], points_x[index + 1] - points_x[index]
        off_y, off_x = y - points_y[index], x - points_x[index]
        share = np.clip((off_y * step_y + off_x * step_x) / (step_y**2 + step_x**2), 0, 1)
        nearest = np.minimum(nearest, np.hypot(off_y - share * step_y, off_x - share * step_x))
    return nearest


def _texture(generator: np.random.Generator, size: int, color: tuple[float, ...]) -> NDArray[np.float64]:
    """Draw smooth stains around a color: a few random numbers, enlarged."""
    stains = generator.uniform(-0.25, 0.25, (8, 8, 3))
    stains = linear_resize(linear_resize(stains, size).swapaxes(0, 1), size)
    return np.clip(np.array(color) + stains, 0, 1)


def _trimap(alpha: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Make the trimap: pixels near a partly covered one are unknown, the others are as in alpha."""
    mixed = (alpha > 0) & (alpha < 1)
    unknown = mixed.copy()
    margin, (height, width) = _UNKNOWN_MARGIN, alpha.shape
    padded = np.pad(mixed, margin)
    for down in range(-margin, margin + 1):
        for right in range(-margin, margin + 1):
            if np.hypot(down, right) <= margin:
                unknown |= padded[margin + down :, margin + right :][:height, :width]
    return np.where(unknown, 128, np.where(alpha == 1, 255, 0)).astype(np.uint8)
