"""The pictures of a fine-tuning: folders matched by stem, a part of them held back, decoded ones kept in memory."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from numpy_vitmatte.errors import VitMatteError
from numpy_vitmatte.files.missing import no_such
from numpy_vitmatte.images.folder_pairs import Match, match_by_stem
from numpy_vitmatte.images.formats import image_suffixes
from numpy_vitmatte.matting.background import Backdrop, read_background
from numpy_vitmatte.training.finetuning.picture import Picture, read_picture
from numpy_vitmatte.training.finetuning.settings import Settings

KEPT_BYTES = 1_000_000_000
"""Decoded pictures are kept until they take so much memory; others are read again each time."""

KEPT_BACKGROUNDS = 20


class Material:
    """Pictures by number, and which of them are for training.

    Parameters
    ----------
    settings : Settings

    Attributes
    ----------
    matches : tuple of Match
        In the order of their stems.
    training, held_back : list of int
        Numbers of pictures.
    kept_bytes : int
        Those of the decoded pictures in memory.

    Raises
    ------
    VitMatteError
        If folders are missing, a file has no partner, there are no backgrounds, or none is left to train with.
    """

    def __init__(self, settings: Settings) -> None:
        folders = {"photo": settings.photos, "true alpha": settings.alphas}
        if settings.trimaps is not None:
            folders["trimap"] = settings.trimaps
        found = match_by_stem(folders)
        if found.problems:
            stem, problem = next(iter(found.problems.items()))
            raise VitMatteError(
                f"{len(found.problems)} of {len(found.matches) + len(found.problems)} stems do not match, such as "
                f"{stem!r}: {problem}; add what is missing, or take the rest out"
            )
        self.matches = found.matches
        self.backgrounds = [] if settings.backgrounds is None else _pictures_in(settings.backgrounds)
        self.held_back, self.training = _divided(len(self.matches), settings)
        self._least, self._kept, self.kept_bytes = settings.crop, dict[int, Picture](), 0
        self._backdrops: dict[int, Backdrop] = {}

    def __getitem__(self, number: int) -> Picture:
        """Read a picture, or give it from memory.

        Raises
        ------
        ImageError
            As :func:`read_picture`.
        """
        if number in self._kept:
            return self._kept[number]
        picture = _read(self.matches[number], self._least)
        if self.kept_bytes + picture.nbytes <= KEPT_BYTES:
            self._kept[number] = picture
            self.kept_bytes += picture.nbytes
        return picture

    def check(self) -> None:
        """Read every picture once, so that a bad one is found before the first step and not in the night.

        Raises
        ------
        ImageError
            Of the first that cannot be used.
        """
        for number in range(len(self.matches)):
            self[number]
        for number in range(len(self.backgrounds)):
            self.background(number)

    def background(self, number: int) -> Backdrop:
        """Read a background, or give it from memory; numbers begin again after the last."""
        number %= len(self.backgrounds)
        if number in self._backdrops:
            return self._backdrops[number]
        backdrop = read_background(self.backgrounds[number])
        if len(self._backdrops) < KEPT_BACKGROUNDS:
            self._backdrops[number] = backdrop
        return backdrop

    def record(self) -> list[list[str | int]]:
        """List the pictures, as the record of a run does: stems, and the sizes of their files in bytes."""
        return [[match.stem, *(path.stat().st_size for path in match.files.values())] for match in self.matches]


def composited(picture: Picture, background: NDArray[np.uint8]) -> Picture:
    """Lay a picture's foreground over another background, by the matting equation.

    Parameters
    ----------
    picture : Picture
        Its photo holds the foreground's colors.
    background : uint8 array (H, W, 3)
    """
    alpha = picture.alpha[..., None]
    photo = np.rint(alpha * picture.photo + (1 - alpha) * background).astype(np.uint8)
    return Picture(photo, picture.alpha, picture.inside, picture.outside, picture.trimap)


def _read(match: Match, least: int) -> Picture:
    return read_picture(match.files["photo"], match.files["true alpha"], match.files.get("trimap"), least)


def _divided(pictures: int, settings: Settings) -> tuple[list[int], list[int]]:
    """Draw the numbers that are held back; at least one is, if any are, and at least one is left."""
    held = max(1, round(settings.validate * pictures)) if settings.validate else 0
    if held >= pictures:
        raise VitMatteError(
            f"there is {pictures} picture, and validate={settings.validate:g} holds one back; add pictures, "
            "or give validate=0"
        )
    order = np.random.default_rng([settings.seed, 0]).permutation(pictures)
    return sorted(order[:held].tolist()), sorted(order[held:].tolist())


def _pictures_in(folder: Path) -> Sequence[Path]:
    try:
        files = sorted(path for path in folder.iterdir() if path.suffix.lower() in image_suffixes())
    except FileNotFoundError:
        raise VitMatteError(f"background folder {str(folder)!r}: {no_such(folder, 'folder')}") from None
    except OSError as error:
        raise VitMatteError(f"background folder {str(folder)!r} cannot be read: {error.strerror}") from error
    if not files:
        raise VitMatteError(f"there are no pictures in background folder {str(folder)!r}")
    return files
