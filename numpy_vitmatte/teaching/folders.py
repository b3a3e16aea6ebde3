"""Drawn pictures in folders, as commands take them: material to train on and to judge by."""

import os
from pathlib import Path

import numpy as np

from numpy_vitmatte.images.writing import alpha_writer, picture_writer, write_together
from numpy_vitmatte.teaching.pictures import hairy_picture


def write_pictures(folder: str | os.PathLike[str], count: int, size: int = 256) -> None:
    """Write ``photos``, ``alphas`` and ``trimaps`` of drawn pictures, whose files have the same names.

    Parameters
    ----------
    folder : path
        Made if need be; files of these names are replaced.
    count : int
        Pictures, ``hairy_picture(0)`` and those that follow.
    size : int
        Height and width in pixels, at least 32.

    Raises
    ------
    VitMatteError
        If the pictures would be too small, or cannot be written.
    """
    root = Path(folder)
    names = ("photos", "alphas", "trimaps")
    for name in names:
        (root / name).mkdir(parents=True, exist_ok=True)
    for number in range(count):
        toy = hairy_picture(number, size)
        photo, alpha, trimap = (root / name / f"{number:03}.png" for name in names)
        writers = {photo: picture_writer(photo, toy.photo), trimap: picture_writer(trimap, toy.trimap)}
        # 16 bits: 8 would round the thinnest strands.
        write_together({**writers, alpha: alpha_writer(alpha, toy.alpha.astype(np.float32), bits=16)})
