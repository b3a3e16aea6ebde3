"""Files that a careless caller hands over as photo or trimap: one of each kind, with what the error must say."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image


def _png_bytes(size=(40, 30)) -> bytes:
    pixels = np.random.default_rng(0).integers(0, 256, (size[1], size[0]), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def png_that_claims(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


def _float_tiff(value: float) -> bytes:
    pixels = np.full((30, 40), 0.5, np.float32)
    pixels[3, 4] = value
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "TIFF")
    return file.getvalue()


# name -> (content, what the message says); None as content: the file is not there
BAD_FILES = {
    "missing.png": (None, "no such file"),
    "text.png": (
        b"This is no picture.\n",
        "is not an image, whatever its name says: it begins with b'This is no pictu",
    ),
    "empty.png": (b"", "the file is empty"),
    "truncated.png": (_png_bytes()[:200], "truncated"),
    "truncated-header.png": (_png_bytes()[:20], "cannot be read"),
    "no-pixels.png": (png_that_claims(0, 5), "is not an image"),
    "bomb.png": (png_that_claims(60_000, 60_000), "would unpack to 3600000000 of at most"),
    "nan.tiff": (_float_tiff(float("nan")), "holds 1 NaN or infinite values of 1200"),
    "inf.tiff": (_float_tiff(float("inf")), "holds 1 NaN or infinite values of 1200"),
    "negative.tiff": (_float_tiff(-1.0), "has values -1 to 0.5"),
    "directory.png": (..., "is a directory"),
}


def make_bad_file(folder: Path, name: str) -> Path:
    """Put one of the bad files into a folder."""
    content, _ = BAD_FILES[name]
    path = folder / name
    if content is ...:
        path.mkdir()
    elif content is not None:
        path.write_bytes(content)
    return path
