"""The size of a JPEG XL picture, from its first bytes: its plug-in for Pillow decodes a file when it opens it.

Source: ISO/IEC 18181-1, ``SizeHeader``; ISO/IEC 18181-2, the boxes ``jxlc`` and ``jxlp``. The same in libjxl,
``lib/jxl/headers.cc``.
"""

from collections.abc import Iterator
from typing import IO

BARE, CONTAINER = b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n"
"""The bytes that a codestream and a file of boxes begin with."""

_HEADER = 16
"""Bytes of a codestream that hold its size."""

_MOST_BOXES = 1000
_BITS_OF_SIDE = (9, 13, 18, 30)
_RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
"""Width to height, from the number 1 on."""


def jpeg_xl_size(file: IO[bytes]) -> tuple[int, int]:
    """Read width and height.

    Parameters
    ----------
    file : binary file
        It is read from its beginning.

    Raises
    ------
    ValueError
        If there is no such header.
    """
    file.seek(0)
    beginning = file.read(_HEADER)
    if beginning.startswith(CONTAINER):
        file.seek(len(CONTAINER))
        beginning = b""
        for piece in _codestream(file):
            beginning += piece
            if len(beginning) >= _HEADER:
                break
    if not beginning.startswith(BARE):
        raise ValueError("it has no header of JPEG XL")
    bits = _Bits(beginning[2:_HEADER].ljust(_HEADER, b"\0"))
    in_eights = bits.take(1)
    height = _side(bits, in_eights)
    ratio = bits.take(3)
    if not ratio:
        return _side(bits, in_eights), height
    across, down = _RATIOS[ratio - 1]
    return height * across // down, height


def _codestream(file: IO[bytes]) -> Iterator[bytes]:
    """Yield the beginnings of the boxes that hold the codestream, in one piece or in several."""
    for _ in range(_MOST_BOXES):
        head = file.read(8)
        if len(head) < 8:
            return
        length, kind, read = int.from_bytes(head[:4], "big"), head[4:], 8
        if length == 1:
            length, read = int.from_bytes(file.read(8), "big"), 16
        if length and length < read:
            return
        start = file.tell()
        if kind in (b"jxlc", b"jxlp"):
            counter = 4 * (kind == b"jxlp")
            content = file.read(min(_HEADER + counter, length - read) if length else _HEADER + counter)
            yield content[counter:]
        if not length:  # up to the end of the file
            return
        file.seek(start + length - read)


class _Bits:
    """Bits of bytes, the lowest first."""

    def __init__(self, content: bytes) -> None:
        self._rest = int.from_bytes(content, "little")

    def take(self, count: int) -> int:
        taken = self._rest & ((1 << count) - 1)
        self._rest >>= count
        return taken


def _side(bits: _Bits, in_eights: int) -> int:
    return 8 * (1 + bits.take(5)) if in_eights else 1 + bits.take(_BITS_OF_SIDE[bits.take(2)])
