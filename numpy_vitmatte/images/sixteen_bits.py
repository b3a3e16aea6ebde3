"""Colors of 16 bits in PNG and TIFF files. Pillow has no mode for them: it keeps the high byte of every value.

Pillow can give the low bytes as well. Its raw modes ``RGB;16B`` and ``RGB;16L`` say which of two bytes is the
high one; a file that is decoded a second time with the other raw mode gives the byte that was left out.
"""

import io
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, TiffImagePlugin, TiffTags

from numpy_vitmatte.images.formats import open_listed

_MODES = ("RGB", "RGBA", "RGBX")


def is_wide(image: Image.Image) -> bool:
    """Say whether an image that is not decoded yet has more than 8 bits a value."""
    bits = getattr(image, "tag_v2", {}).get(TiffImagePlugin.BITSPERSAMPLE, (8,))
    return image.mode.startswith(("I", "F")) or _raw_mode(image) is not None or max(bits) > 8


def low_bytes_of(image: Image.Image) -> Image.Image | None:
    """Open a file of 16-bit colors a second time, for the low bytes of its values.

    Parameters
    ----------
    image : PIL.Image.Image
        Opened and not decoded yet.

    Returns
    -------
    PIL.Image.Image or None
        Not decoded; None where there are no such bytes, or Pillow has no way to them (gray with transparency,
        premultiplied or print colors, compressed planes of a TIFF).
    """
    _mend_planes(image)
    raw_mode = _raw_mode(image)
    if raw_mode is None or raw_mode.split(";")[0] not in (*_MODES, "R") or image.mode not in _MODES:
        return None
    if _is_planar(image) and not raw_mode.startswith("R;"):
        return None
    assert isinstance(image, ImageFile.ImageFile)
    file = image.fp
    assert file is not None
    place = file.tell()
    file.seek(0)
    twin = open_listed(io.BytesIO(file.read()), "image", formats=[str(image.format)])
    file.seek(place)
    assert isinstance(twin, ImageFile.ImageFile)
    _mend_planes(twin)
    twin.tile = [_with_raw_mode(tile, _exchanged) for tile in twin.tile]
    return twin


def stated_depth(image: Image.Image) -> int | None:
    """Give the bits that a TIFF of more than 8 says its integers have: 12 packed ones, or its largest value's."""
    tags = getattr(image, "tag_v2", {})
    bits = tags.get(TiffImagePlugin.BITSPERSAMPLE, (0,))[0]
    largest = tags.get(TiffTags.lookup(281).value, 0)
    largest = largest[0] if isinstance(largest, tuple) else largest
    if bits in (10, 12, 14):
        return int(bits)
    return int(largest).bit_length() if bits == 16 and largest in (1023, 4095, 16383) else None


def joined(high: NDArray[np.uint8], low: NDArray[np.uint8]) -> NDArray[np.uint16]:
    """Join high and low bytes."""
    return (high.astype(np.uint16) << np.uint16(8)) | low


def _raw_mode(image: Image.Image) -> str | None:
    """Return the raw mode of an image whose colors have 16 bits, while it is not decoded."""
    for tile in getattr(image, "tile", ()):
        given = tile[3] if isinstance(tile[3], tuple) else (tile[3],)
        if given and isinstance(given[0], str) and ";16" in given[0] and not image.mode.startswith("I"):
            return str(given[0])
    return None


def _is_planar(image: Image.Image) -> bool:
    """Say whether a TIFF stores one color after the other."""
    return bool(getattr(image, "tag_v2", {}).get(TiffImagePlugin.PLANAR_CONFIGURATION, 1) == 2)


def _mend_planes(image: Image.Image) -> None:
    """Let Pillow read planes of 16 bits that are not compressed: it takes them for planes of 8."""
    if not (isinstance(image, TiffImagePlugin.TiffImageFile) and _is_planar(image)):
        return
    if max(image.tag_v2.get(TiffImagePlugin.BITSPERSAMPLE, (8,))) == 16:
        order = "L" if image.tag_v2.prefix == b"II" else "B"

        def mended(arguments: Any) -> Any:
            plain = isinstance(arguments, tuple) and arguments[0] in ("R", "G", "B", "A")
            return (f"{arguments[0]};16{order}", *arguments[1:]) if plain else arguments

        image.tile = [_with_raw_mode(tile, mended) for tile in image.tile]


def _with_raw_mode(tile: Any, change: Callable[[Any], Any]) -> Any:
    arguments = change(tile[3])
    return tile._replace(args=arguments) if hasattr(tile, "_replace") else (*tile[:3], arguments)  # Pillow before 11


def _exchanged(arguments: Any) -> Any:
    if isinstance(arguments, tuple):
        return (_exchanged(arguments[0]), *arguments[1:])
    native = "L" if sys.byteorder == "little" else "B"
    kind, order = arguments.split(";16")
    return f"{kind};16{'B' if (order or native).replace('N', native) == 'L' else 'L'}"
