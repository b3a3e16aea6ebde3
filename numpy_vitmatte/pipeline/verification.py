"""Checks that a downloaded checkpoint is what was published: its files' checksums, and its alphas' golden values."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from numpy_vitmatte.errors import CheckpointError, VitMatteError
from numpy_vitmatte.hub.checksum import checksum_kind, checksum_like, is_checksum
from numpy_vitmatte.hub.published import Corner
from numpy_vitmatte.images.reading import open_image
from numpy_vitmatte.model import VitMatteForImageMatting
from numpy_vitmatte.processing import VitMatteImageProcessor

GOLDEN_TOLERANCE = 1e-4


@dataclass(frozen=True)
class FileCheck:
    """One file of a snapshot and its checksum.

    Attributes
    ----------
    name : str
    kind : str
        ``"sha256"``, or ``"git sha1"`` for the small files that the hub keeps in git.
    found, expected : str
        Hexadecimal digits; `expected` is empty where the cache does not say it.
    """

    name: str
    kind: str
    found: str
    expected: str

    @property
    def agrees(self) -> bool:
        """Say whether the hub gave this checksum for the file."""
        return self.found == self.expected


def check_files(snapshot: Path) -> Iterator[FileCheck]:
    """Compare every file of a snapshot with the checksum that the hub named it by.

    The cache keeps that checksum as the name of the blob that the file is a link to. Where a file system has no
    links, only the checksum found can be told.

    Parameters
    ----------
    snapshot : Path
        A directory of the hub's cache.

    Yields
    ------
    FileCheck
        In alphabetical order.

    Raises
    ------
    CheckpointError
        If a file cannot be read.
    """
    for path in sorted(path for path in snapshot.rglob("*") if path.is_symlink() or path.is_file()):
        name = path.relative_to(snapshot).as_posix()
        try:
            expected = path.readlink().name if path.is_symlink() else ""
            expected = expected if is_checksum(expected) else ""
            yield FileCheck(
                name, checksum_kind(expected or 64 * "0"), checksum_like(path, expected or 64 * "0"), expected
            )
        except OSError as error:
            raise CheckpointError(f"{path} cannot be read: {error.strerror}; download the checkpoint again") from error


def alpha_corner(snapshot: Path, photo: Path, trimap: Path) -> NDArray[np.float32]:
    """Compute the first three rows and columns of an alpha in the same way as the golden values.

    Parameters
    ----------
    snapshot : Path
        The checkpoint's directory.
    photo, trimap : Path
        Images of one size. The trimap's gray levels are taken as they are, not cleaned.

    Returns
    -------
    (3, 3) float32 array

    Raises
    ------
    VitMatteError
        If the checkpoint or the images cannot be used, or have fewer than 3 x 3 pixels.
    """
    # The golden values were made with "RGB" and "L" of Pillow, and with the network's own values everywhere.
    colors = np.asarray(open_image(photo, "photo").convert("RGB"))
    levels = np.asarray(open_image(trimap, "trimap").convert("L"))
    if min(levels.shape) < 3:
        raise VitMatteError(f"trimap {str(trimap)!r} has fewer than 3 x 3 pixels; the golden values are of that many")
    processor = VitMatteImageProcessor.from_directory(snapshot)
    inputs = processor(images=colors, trimaps=levels, input_data_format="channels_last")
    alphas: NDArray[np.float32] = VitMatteForImageMatting.from_pretrained(snapshot)(**inputs)[0]
    return alphas[0, 0, :3, :3]


def golden_difference(corner: NDArray[np.float32], golden: Corner) -> float:
    """Return the largest difference between computed and published values; they agree up to ``GOLDEN_TOLERANCE``."""
    return float(np.abs(corner.astype(np.float64) - np.asarray(golden)).max())
