"""The batches of a run: number i is the same in every sitting, so that a run that was killed goes on as it would have.

Every random choice is drawn from a generator of its own, seeded with the run's seed and the sample's number.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from numpy_vitmatte.training.finetuning.material import Material, composited
from numpy_vitmatte.training.finetuning.picture import WIDTHS, Picture
from numpy_vitmatte.trimaps.reading import UNKNOWN


class Batch(NamedTuple):
    """Squares of one size.

    Attributes
    ----------
    photos : list of uint8 array (side, side, 3)
    trimaps : list of uint8 array (side, side)
    alphas : float32 array (B, 1, side, side)
    """

    photos: list[NDArray[np.uint8]]
    trimaps: list[NDArray[np.uint8]]
    alphas: NDArray[np.float32]


def draw_batch(material: Material, step: int, batch: int, side: int, seed: int) -> Batch:
    """Draw the batch of a step: each picture once, in an order of chance, before one is taken again.

    Parameters
    ----------
    material : Material
    step, batch, side, seed : int
        The step, counted from 0; squares in a step, and their side; the run's seed.

    Returns
    -------
    Batch

    Raises
    ------
    ImageError
        If a picture can no longer be read.
    """
    squares = [_draw_square(material, step * batch + place, side, seed) for place in range(batch)]
    photos, trimaps, alphas = zip(*squares, strict=True)
    return Batch(list(photos), list(trimaps), np.stack(alphas)[:, None])


def _draw_square(
    material: Material, number: int, side: int, seed: int
) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.float32]]:
    """Draw sample `number` of a run: photo, trimap and alpha."""
    turn, place = divmod(number, len(material.training))
    order = np.random.default_rng([seed, 1, turn]).permutation(len(material.training))
    generator = np.random.default_rng([seed, 2, number])
    picture = _random_square(material[material.training[order[place]]], side, generator)
    trimap = picture.with_band(*generator.uniform(*WIDTHS, 2))
    if material.backgrounds:
        picture = composited(picture, _random_background(material, side, generator))
    turned = np.s_[:, :: generator.choice((1, -1))]
    return picture.photo[turned], trimap[turned], picture.alpha[turned]


def _random_square(picture: Picture, side: int, generator: np.random.Generator) -> Picture:
    """Cut a square that holds a pixel that every trimap leaves unknown, not too near its border where there is room."""
    unsure = np.flatnonzero(picture.with_band(WIDTHS[0], WIDTHS[0]) == UNKNOWN)
    middle = np.unravel_index(generator.choice(unsure), picture.alpha.shape)
    offsets = generator.integers(side // 4, side - side // 4, 2)
    top, left = (
        int(np.clip(at - offset, 0, length - side))
        for at, offset, length in zip(middle, offsets, picture.alpha.shape, strict=True)
    )
    return picture.cut(top, left, side)


def _random_background(material: Material, side: int, generator: np.random.Generator) -> NDArray[np.uint8]:
    """Cut a square out of a background that covers one and a half times its side, turned or not."""
    backdrop = material.background(int(generator.integers(len(material.backgrounds))))
    larger = side + side // 2
    top, left = generator.integers(larger - side + 1, size=2)
    return backdrop(larger, larger)[top : top + side, left : left + side][:, :: generator.choice((1, -1))]
