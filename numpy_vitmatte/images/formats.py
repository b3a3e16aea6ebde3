"""The kinds of files that are decoded: a fixed list of raster formats, and nothing else that Pillow knows.

Pillow takes a file for what its beginning says, whatever its name. A beginning of PostScript would make it start the
program ``gs``; formats of science and of old games have readers that hardly anybody tests. So the list is ours. A file
of a kind that is known but not read is named, together with what can be done.
"""

import contextlib
import functools
import importlib
import os
import struct
from collections.abc import Iterator, Sequence
from typing import IO, NamedTuple

from PIL import Image, ImageFile

from numpy_vitmatte.errors import ImageError, one_line
from numpy_vitmatte.images.jpeg_xl import jpeg_xl_size
from numpy_vitmatte.images.pixel_limit import check_decoding, check_pixels

COMMON_FORMATS = ("PNG", "JPEG", "GIF", "BMP", "PPM")
"""Pillow's names of the formats whose readers it always imports."""

OTHER_FORMATS = (
    "TIFF", "WEBP", "AVIF", "JPEG2000", "HEIF", "JXL", "DIB", "ICO", "MPO", "PCX", "QOI", "SGI", "TGA",
)  # fmt: skip
"""The others, as far as this Pillow and its plug-ins read them. TGA has no mark at its beginning, so it is the last."""

_BEGINNING = 4096
"""Bytes that tell a file's kind: the mark of an SVG may stand behind a comment."""

_DNG_VERSION, _SUBFILE_TYPE, _SUB_IFDS = 50706, 254, 330
"""Tags of TIFF. A camera's raw file has a small preview where other files have their image."""


Image.preinit()  # here and not at the first photo: a child forked meanwhile would find the readers half imported


class Kind(NamedTuple):
    """A kind of file that is named in a refusal.

    Attributes
    ----------
    name : str
        The name with its article, as a sentence goes on after "is".
    cure : str
        What to do.
    reader : str or None
        Pillow's name of its format, where a plug-in may read it.
    """

    name: str
    cure: str
    reader: str | None = None


_EXPORT = "export it as PNG, TIFF or JPEG from the program that made it"
_RAW = Kind("a camera's raw file", "develop it first, and save it as TIFF, PNG or JPEG")
_POSTSCRIPT = Kind("PostScript (EPS), a program that draws", "draw it as PNG first, for example with Inkscape")
_SVG = Kind("an SVG drawing", "draw it as PNG first, for example with Inkscape")
_WEB_PAGE = Kind("a web page", "what was saved is a page about the picture; save the picture itself")
_VIDEO = Kind("a video", "save one of its frames as PNG")
_HEIC = Kind("HEIC (HEIF)", "install its reader with: python -m pip install 'numpy-vitmatte[heif]'", "HEIF")
_AVIF = Kind("AVIF", "update Pillow, which reads it from version 11.3 on, or install pillow-avif-plugin", "AVIF")
_JPEG_XL = Kind("JPEG XL", "install its reader with: python -m pip install pillow-jxl-plugin", "JXL")

_LONG_CHUNK = "its color profile or a text in it has more than 1 MB, more than Pillow reads; save it without"

_MARKS = {
    b"%!": _POSTSCRIPT,
    b"\xc5\xd0\xd3\xc6": _POSTSCRIPT,
    b"%PDF": Kind("a PDF document", "draw its page as PNG first, for example with pdftoppm -png"),
    b"8BPS": Kind("a Photoshop document (PSD)", "export it flattened as PNG or TIFF"),
    b"gimp xcf": Kind("a GIMP document (XCF)", "export it flattened as PNG or TIFF"),
    b"\xff\x0a": _JPEG_XL,
    b"\0\0\0\x0cJXL \r\n\x87\n": _JPEG_XL,
    b"FUJIFILMCCD-RAW": _RAW,
    b"IIRO": _RAW,
    b"IIRS": _RAW,
    b"MMOR": _RAW,
    b"IIU\0": _RAW,
    b"FOVb": _RAW,
    b"\0MRM": _RAW,
    b"\x76\x2f\x31\x01": Kind("an OpenEXR image", "save it as TIFF or PNG"),
    b"#?RADIANCE": Kind("a Radiance HDR image", "save it as TIFF or PNG"),
    b"II\xbc": Kind("JPEG XR", "save it as PNG, TIFF or JPEG"),
    b"SIMPLE  =": Kind("a FITS image", "save it as TIFF or PNG"),
    b"DDS ": Kind("a DDS texture", "save it as PNG"),
    b"BPG\xfb": Kind("BPG", "save it as PNG"),
    b"icns": Kind("an icon of macOS (ICNS)", "save it as PNG"),
    b"\xd7\xcd\xc6\x9a": Kind("a Windows metafile (WMF), a drawing", _EXPORT),
    b"PK\x03\x04": Kind("a ZIP archive or a document that is one", "unpack it, or " + _EXPORT),
    b"\x1f\x8b": Kind("a file packed by gzip", "unpack it first"),
    b"\x1aE\xdf\xa3": _VIDEO,
    b"version https://git-lfs": Kind("a pointer of Git LFS, not the file itself", "fetch the file with git lfs pull"),
}  # fmt: skip
"""The bytes that files of these kinds begin with."""

_BRANDS = {
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"), _HEIC),
    **dict.fromkeys((b"avif", b"avis"), _AVIF),
    b"crx ": _RAW,
}
"""Brands in the box ``ftyp``, with which a file of the ISO's base media format begins; others are videos'."""


def open_listed(file: IO[bytes], name: str, filename: str | bytes = "", formats: Sequence[str] = ()) -> Image.Image:
    """Open an image by its header; its pixels are decoded when they are asked for.

    Parameters
    ----------
    file : binary file
        At its beginning. It must stay open until the image is decoded.
    name : str
        How errors name it.
    filename : str or bytes
        Its path, if it lies on a disk.
    formats : sequence of str
        Pillow's names of the formats that are tried. By default they are all that this module lists.

    Returns
    -------
    PIL.Image.Image

    Raises
    ------
    ImageError
        Empty, of no listed format, a damaged header, or more pixels than
        :func:`~numpy_vitmatte.images.pixel_limit.pixel_limit` lets pass.
    """
    beginning = file.read(_BEGINNING)
    try:
        kind = kind_of(beginning)
        image = None if kind and kind.reader is None else _identified(file, beginning[:16], filename, formats)
        if image is not None and _is_raw(image):
            image, kind = None, _RAW
        if image is not None:
            check_pixels(*image.size)
            return image
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageError(f"{name} is refused: {one_line(error)}") from None
    except Exception as error:  # Pillow's header readers raise whatever their format's parser met
        found = f"is {kind.name} and cannot be read" if kind else "cannot be read"
        reason = _LONG_CHUNK if "MAX_TEXT" in str(error) else one_line(error)
        raise ImageError(f"{name} {found}: {reason}") from error
    raise ImageError(f"{name} {_refusal(kind, beginning, in_file=bool(filename))}")


def kind_of(beginning: bytes) -> Kind | None:
    """Tell by a file's first bytes what it is, if it is of a kind that needs a plug-in or is not read at all."""
    for mark, kind in _MARKS.items():
        if beginning.startswith(mark):
            return kind
    if beginning[4:8] == b"ftyp":
        brands = [beginning[8:12], *(beginning[at : at + 4] for at in range(16, min(_box_size(beginning), 128), 4))]
        return next((_BRANDS[brand] for brand in brands if brand in _BRANDS), _VIDEO)
    if beginning[:4] in (b"II*\0", b"MM\0*") and beginning[8:10] == b"CR":
        return _RAW
    if beginning[128:132] == b"DICM":
        return Kind("a DICOM image", "save it as TIFF or PNG")
    return _kind_of_text(beginning)


def _box_size(beginning: bytes) -> int:
    return int.from_bytes(beginning[:4], "big")


def _kind_of_text(beginning: bytes) -> Kind | None:
    text = beginning.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if text.startswith((b"<!doctype html", b"<html")):
        return _WEB_PAGE
    if text.startswith(b"%!ps"):
        return _POSTSCRIPT
    return _SVG if text.startswith(b"<") and b"<svg" in text else None


def image_suffixes() -> frozenset[str]:
    """List the endings of the files that are read here or would be with a plug-in, in lower case with their dots."""
    listed = {*COMMON_FORMATS, *_other_formats()}
    known = {suffix for suffix, name in Image.registered_extensions().items() if name in listed}
    return frozenset(known | {".heic", ".heif", ".avif", ".jxl"})


def require_listed(image: Image.Image, name: str) -> None:
    """Refuse an image that Pillow has opened and that another program, or the system's own drawing, would decode.

    Raises
    ------
    ImageError
    """
    if image.format in ("EPS", "WMF"):
        kind = _POSTSCRIPT if image.format == "EPS" else _MARKS[b"\xd7\xcd\xc6\x9a"]
        raise ImageError(f"{name} is {kind.name}; {kind.cure}")


@functools.cache
def _other_formats() -> tuple[str, ...]:
    """List those of the other formats that Pillow reads once all its readers and known plug-ins are imported."""
    Image.init()
    with contextlib.suppress(ImportError):
        importlib.import_module("pillow_heif").register_heif_opener()
    for plug_in in ["pillow_jxl"] + ["pillow_avif"] * ("AVIF" not in Image.OPEN):
        with contextlib.suppress(ImportError):
            importlib.import_module(plug_in)
    return tuple(name for name in OTHER_FORMATS if name in Image.OPEN)


def _candidates(formats: Sequence[str]) -> Iterator[str]:
    """Yield the formats to try, so that readers which a file does not need are not imported for it."""
    yield from (name for name in COMMON_FORMATS if name in Image.OPEN and (not formats or name in formats))
    yield from (name for name in _other_formats() if not formats or name in formats)


def _identified(
    file: IO[bytes], prefix: bytes, filename: str | bytes, formats: Sequence[str]
) -> ImageFile.ImageFile | None:
    """Open a file as ``PIL.Image.open`` does, without its guard, whose limit belongs to the whole process."""
    for name in _candidates(formats):
        factory, accepts = Image.OPEN[name]
        with contextlib.suppress(SyntaxError, IndexError, TypeError, struct.error):  # a reader's way to decline
            if accepts is None or accepts(prefix) is True:  # words say what this Pillow was built without
                if name == "JXL":  # its plug-in decodes at once
                    check_decoding(*jpeg_xl_size(file))
                file.seek(0)
                return factory(file, os.fsdecode(filename))
    return None


def _is_raw(image: Image.Image) -> bool:
    if image.format != "TIFF":
        return False
    tags = image.tag_v2  # type: ignore[attr-defined]
    return _DNG_VERSION in tags or (tags.get(_SUBFILE_TYPE) == 1 and _SUB_IFDS in tags)


def _refusal(kind: Kind | None, beginning: bytes, *, in_file: bool) -> str:
    if kind is None:
        empty = "the file is empty" if in_file else "it is empty"
        found = f"it begins with {beginning[:16]!r}" if beginning else empty
        return f"is not an image{', whatever its name says' * in_file}: {found}"
    if kind.reader is None or kind.reader not in _other_formats():
        return f"is {kind.name}; {kind.cure}"
    return f"cannot be read: it begins as {kind.name} does, but its reader declines it"
