"""TIFF files with colors of 16 bits, which Pillow cannot write.

Source: TIFF Revision 6.0 (Adobe, 1992), sections 2 (structure), 14 (horizontal differencing) and 18 (``ExtraSamples``);
Adobe Photoshop TIFF Technical Notes (2002) for compression 8, ZIP; ICC.1:2022, annex B.4, for the tag of the profile.
"""

import struct
import zlib
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

_STRIP_BYTES = 1 << 20
_LARGEST_FILE = (1 << 32) - 1
"""Places in the file are numbers of 32 bits."""

_SHORT, _LONG, _UNDEFINED = (3, "H"), (4, "I"), (7, "B")
"""Types of a tag's values: TIFF's number and that of :mod:`struct`."""


def write_wide_tiff(file: IO[bytes], pixels: NDArray[np.uint16], icc_profile: bytes | None = None) -> None:
    """Write colors of 16 bits, compressed without loss.

    Parameters
    ----------
    file : binary file
        It can be sought in.
    pixels : (H, W, 3) or (H, W, 4) uint16 array
        The fourth channel is straight alpha.
    icc_profile : bytes, optional

    Raises
    ------
    ValueError
        If the file would have 4 GB.
    """
    height, width, channels = pixels.shape
    rows = max(1, _STRIP_BYTES // (2 * width * channels))
    file.write(struct.pack("<2sHI", b"II", 42, 0))  # the place of the tags is filled in at the end
    starts, lengths = [], []
    for top in range(0, height, rows):
        strip = zlib.compress(_differences(pixels[top : top + rows]))
        starts.append(file.tell())
        lengths.append(len(strip))
        if starts[-1] + len(strip) > _LARGEST_FILE - 16 * len(icc_profile or b"") - (1 << 16):
            raise ValueError("a TIFF holds less than 4 GB")
        file.write(strip + bytes(len(strip) % 2))
    tags: list[tuple[int, tuple[int, str], Any]] = [
        (256, _LONG, [width]),
        (257, _LONG, [height]),
        (258, _SHORT, [16] * channels),  # BitsPerSample
        (259, _SHORT, [8]),  # Compression: ZIP
        (262, _SHORT, [2]),  # PhotometricInterpretation: RGB
        (273, _LONG, starts),
        (277, _SHORT, [channels]),
        (278, _LONG, [rows]),
        (279, _LONG, lengths),
        (317, _SHORT, [2]),  # Predictor: horizontal differencing
    ]
    tags += [(338, _SHORT, [2])] * (channels == 4)  # ExtraSamples: straight alpha
    tags += [(34675, _UNDEFINED, icc_profile)] * bool(icc_profile)
    place = _write_tags(file, tags)
    file.seek(4)
    file.write(struct.pack("<I", place))
    file.seek(0, 2)


def _differences(rows: NDArray[np.uint16]) -> bytes:
    """Return the differences from the pixels on the left, modulo 65536."""
    differences = rows.astype("<u2")
    differences[:, 1:] -= rows[:, :-1]
    return differences.tobytes()


def _write_tags(file: IO[bytes], tags: list[tuple[int, tuple[int, str], Any]]) -> int:
    """Write values that have more than four bytes, then the directory; return its place."""
    entries = []
    for number, (kind, code), values in tags:
        content = struct.pack(f"<{len(values)}{code}", *values)
        if len(content) > 4:
            place = file.tell()
            file.write(content + bytes(len(content) % 2))
            content = struct.pack("<I", place)
        entries.append(struct.pack("<HHI4s", number, kind, len(values), content))
    place = file.tell()
    file.write(struct.pack("<H", len(entries)) + b"".join(entries) + bytes(4))
    return place
