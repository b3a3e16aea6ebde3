"""PNG files with colors of 16 bits, which Pillow cannot write.

Source: Portable Network Graphics (PNG) Specification, third edition, sections 5 (structure), 9 (filtering), 10 (zlib)
and 11 (``IHDR``, ``iCCP``).
"""

import struct
import zlib
from collections.abc import Iterator
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

_COLOR_TYPES = {3: 2, 4: 6}
"""Channels to the number that ``IHDR`` has for red, green, blue, and for these with transparency."""

_UP = 2
"""The filter: every row is stored as its difference from the row above, byte by byte."""

_BAND_BYTES = 1 << 22


def write_wide_png(file: IO[bytes], pixels: NDArray[np.uint16], icc_profile: bytes | None = None) -> None:
    """Write colors of 16 bits.

    Parameters
    ----------
    file : binary file
    pixels : (H, W, 3) or (H, W, 4) uint16 array
        The fourth channel is straight alpha.
    icc_profile : bytes, optional
    """
    height, width, channels = pixels.shape
    file.write(b"\x89PNG\r\n\x1a\n")
    _write_chunk(file, b"IHDR", struct.pack(">IIBBBBB", width, height, 16, _COLOR_TYPES[channels], 0, 0, 0))
    if icc_profile:
        _write_chunk(file, b"iCCP", b"ICC profile\0\0" + zlib.compress(icc_profile))
    for piece in _compressed(pixels):
        _write_chunk(file, b"IDAT", piece)
    _write_chunk(file, b"IEND", b"")


def _write_chunk(file: IO[bytes], kind: bytes, content: bytes) -> None:
    file.write(struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content)))


def _compressed(pixels: NDArray[Any]) -> Iterator[bytes]:
    """Return the pixels' filtered rows, compressed a band at a time."""
    height, width, channels = pixels.shape
    compressor = zlib.compressobj()
    above = np.zeros((1, 2 * width * channels), np.uint8)
    band = max(1, _BAND_BYTES // above.size)
    for top in range(0, height, band):
        rows = pixels[top : top + band].astype(">u2").reshape(-1, width * channels).view(np.uint8)
        before = np.concatenate([above, rows[:-1]])
        filtered = np.concatenate([np.full((len(rows), 1), _UP, np.uint8), rows - before], axis=1)
        above = rows[-1:]
        if piece := compressor.compress(filtered.tobytes()):
            yield piece
    yield compressor.flush()
