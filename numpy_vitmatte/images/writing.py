"""Writing results: checked before the work begins, whole or not at all, never over an existing file unasked."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from numpy_vitmatte.atomic_write import atomic_path
from numpy_vitmatte.errors import VitMatteError
from numpy_vitmatte.images.value_range import to_integers

ALPHA_SUFFIXES = (".png", ".npy")


def check_output(path: str | os.PathLike[str], suffixes: tuple[str, ...], overwrite: bool) -> Path:
    """Say what keeps a file from being written, before anything is computed for it.

    Parameters
    ----------
    path : path
    suffixes : tuple of str
        The formats that can be written, in lower case.
    overwrite : bool
        Whether an existing file may be replaced.

    Returns
    -------
    pathlib.Path

    Raises
    ------
    VitMatteError
        Another suffix, no such folder, a directory, or an existing file.
    """
    path = Path(path)
    if path.suffix.lower() not in suffixes:
        found = f"ends in {path.suffix!r}" if path.suffix else "has no ending"
        raise VitMatteError(f"output {str(path)!r} {found}; expected {' or '.join(suffixes)}")
    if not os.path.isdir(path.parent):
        raise VitMatteError(f"output {str(path)!r}: there is no such folder; create it first")
    if os.path.isdir(path):
        raise VitMatteError(f"output {str(path)!r} is a directory; expected the name of a file")
    if os.path.lexists(path) and not overwrite:  # a link that leads nowhere is someone's as well
        raise VitMatteError(f"output {str(path)!r} exists already; choose another name, or overwrite it with --force")
    return path


def save_alpha(path: str | os.PathLike[str], alpha: NDArray[np.floating[Any]], bits: int = 8) -> None:
    """Write an alpha, replacing what was there.

    Parameters
    ----------
    path : path
        ``.png``: grey levels, rounded; ``.npy``: the float32 values themselves.
    alpha : (H, W) float array
        In [0, 1].
    bits : {8, 16}
        Of a PNG.

    Raises
    ------
    VitMatteError
        If it cannot be written; then nothing is left behind.
    """
    path = Path(path)
    if path.suffix.lower() == ".npy":
        _write(path, lambda file: np.save(file, np.asarray(alpha, np.float32)))
    else:
        save_png(path, to_integers(alpha, bits))


def save_png(path: str | os.PathLike[str], pixels: NDArray[Any]) -> None:
    """Write a picture as PNG, replacing what was there.

    Parameters
    ----------
    path : path
    pixels : (H, W) uint8 or uint16, (H, W, 3) or (H, W, 4) uint8 array

    Raises
    ------
    VitMatteError
        If it cannot be written; then nothing is left behind.
    """
    _write(Path(path), lambda file: Image.fromarray(np.ascontiguousarray(pixels)).save(file, "PNG"))


def save_text(path: str | os.PathLike[str], text: str) -> None:
    """Write a text file in UTF-8, replacing what was there.

    Raises
    ------
    VitMatteError
        If it cannot be written; then nothing is left behind.
    """
    _write(Path(path), lambda file: file.write(text.encode()))


def _write(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    try:
        with atomic_path(path) as temporary, temporary.open("wb") as file:
            write(file)
            file.flush()
            # Without this a power cut after the renaming can leave an empty file under the final name.
            os.fsync(file.fileno())
    except OSError as error:
        raise VitMatteError(f"output {str(path)!r} cannot be written: {error.strerror or error}") from error
