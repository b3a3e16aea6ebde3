"""Which files are decoded, and how the others are named."""

import importlib
import io
import os
import struct

import numpy as np
import pytest
from PIL import Image, TiffImagePlugin

from numpy_vitmatte.errors import ImageError
from numpy_vitmatte.images import formats
from numpy_vitmatte.images.formats import COMMON_FORMATS, OTHER_FORMATS, image_suffixes, kind_of, open_listed
from numpy_vitmatte.images.photo_reading import read_photo
from numpy_vitmatte.images.reading import open_image

PIXELS = np.repeat(np.linspace(0, 255, 24 * 32).reshape(24, 32, 1), 3, axis=2).astype(np.uint8)  # smooth

EPS = b"""%!PS-Adobe-3.0 EPSF-3.0
%%BoundingBox: 0 0 40 30
%%EndComments
0 0 40 30 rectfill
%%EOF
"""


def encoded(file_format):
    file = io.BytesIO()
    Image.fromarray(PIXELS).save(file, file_format)
    return file.getvalue()


@pytest.fixture
def programs_started(tmp_path, monkeypatch):
    """A folder at the front of PATH with a `gs` that notes that it was started."""
    (tmp_path / "bin").mkdir()
    note, program = tmp_path / "started", tmp_path / "bin" / "gs"
    program.write_text(f"#!/bin/sh\ntouch {note}\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    return note


@pytest.mark.parametrize("beginning", [b"", struct.pack("<7IH", 0xC6D3D0C5, 30, len(EPS), 0, 0, 0, 0, 0)])
def test_postscript_starts_no_program_whatever_its_name(tmp_path, programs_started, beginning):
    path = tmp_path / "photo.jpg"
    path.write_bytes(beginning + EPS)
    with pytest.raises(ImageError, match=r"photo\.jpg' is PostScript \(EPS\), a program that draws; draw it as PNG"):
        read_photo(path)
    with open(path, "rb") as file, pytest.raises(ImageError, match="is PostScript"):
        open_listed(file, "photo on standard input")
    with Image.open(path) as image, pytest.raises(ImageError, match="is PostScript"):
        open_image(image, "photo")
    assert not programs_started.exists()


SAVED = ["PNG", "JPEG", "GIF", "BMP", "PPM", "TIFF", "WEBP", "ICO", "TGA", "PCX"]


@pytest.mark.parametrize("file_format", SAVED)
def test_listed_formats_are_read(tmp_path, file_format):
    path = tmp_path / "photo.any"
    path.write_bytes(encoded(file_format))
    with Image.open(path) as pillows:
        assert pillows.format == file_format
        np.testing.assert_array_equal(np.asarray(open_image(path)), np.asarray(pillows))


@pytest.mark.parametrize("file_format", ["SPIDER", "MSP", "DDS", "XBM"])
def test_what_else_pillow_knows_is_not_read(tmp_path, file_format):
    path, image = (
        tmp_path / "photo.png",
        Image.fromarray(PIXELS).convert({"SPIDER": "F", "MSP": "1", "XBM": "1"}.get(file_format, "RGB")),
    )
    image.save(tmp_path / "saved", file_format)
    (tmp_path / "saved").rename(path)
    with Image.open(path) as opened:
        assert opened.format == file_format
    with pytest.raises(ImageError, match=r"is not an image, whatever its name says|is a DDS texture"):
        open_image(path)


def test_the_list_is_one_of_pixels():
    assert not {"EPS", "WMF", "PDF", "PSD", "FITS", "GRIB", "HDF5", "BUFR"} & {*COMMON_FORMATS, *OTHER_FORMATS}
    assert {".jpg", ".png", ".heic", ".jxl", ".avif", ".tif", ".webp"} <= image_suffixes()
    assert not {".eps", ".pdf", ".psd", ".wmf"} & image_suffixes()


def box(brand, *more):
    return struct.pack(">I4s4sI", 16 + 4 * len(more), b"ftyp", brand, 0) + b"".join(more) + bytes(40)


@pytest.mark.parametrize(
    ("beginning", "name"),
    [
        (b"%PDF-1.7\n", "a PDF document"),
        (b'<?xml version="1.0"?>\n<!-- made by hand -->\n<svg xmlns="x">', "an SVG drawing"),
        (b"\xef\xbb\xbf  <SVG width='3'/>", "an SVG drawing"),
        (b"<!DOCTYPE html><html>", "a web page"),
        (b"8BPS\0\1", "a Photoshop document"),
        (b"gimp xcf v011", "a GIMP document"),
        (b"II*\0\x10\0\0\0CR\2\0", "a camera's raw file"),
        (b"FUJIFILMCCD-RAW 0201", "a camera's raw file"),
        (box(b"crx "), "a camera's raw file"),
        (box(b"heic"), "HEIC"),
        (box(b"mif1", b"mif1", b"heic"), "HEIC"),
        (box(b"avif", b"mif1"), "AVIF"),
        (box(b"isom", b"mp42"), "a video"),
        (b"\xff\x0a\xfa\x1f", "JPEG XL"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
        (b"\x76\x2f\x31\x01", "an OpenEXR image"),
        (bytes(128) + b"DICM", "a DICOM image"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a pointer of Git LFS"),
    ],
)
def test_kinds_are_named(beginning, name):
    assert kind_of(beginning).name.startswith(name)


@pytest.mark.parametrize("file_format", SAVED)
def test_sound_files_are_no_other_kind(file_format):
    assert kind_of(encoded(file_format)) is None


@pytest.mark.parametrize(
    ("beginning", "reader", "cure"),
    [
        (box(b"heic"), "HEIF", "python -m pip install 'numpy-vitmatte[heif]'"),
        (box(b"avif"), "AVIF", "update Pillow"),
        (b"\xff\x0a\xfa\x1f", "JXL", "python -m pip install pillow-jxl-plugin"),
    ],
)
def test_without_its_reader_the_cure_is_named(monkeypatch, beginning, reader, cure):
    monkeypatch.setattr(formats, "_other_formats", lambda: ("TIFF", "WEBP"))
    with pytest.raises(ImageError) as caught:
        open_listed(io.BytesIO(beginning), "photo 'x.jpg'")
    assert cure in str(caught.value)
    monkeypatch.setattr(formats, "_other_formats", lambda: (reader,))
    monkeypatch.setitem(Image.OPEN, reader, (lambda *_: None, lambda _: False))
    with pytest.raises(ImageError, match="but its reader declines it"):
        open_listed(io.BytesIO(beginning), "photo 'x.jpg'")


@pytest.mark.parametrize(("tag", "value"), [(50706, b"\1\4\0\0"), (254, 1)])
def test_raw_files_that_are_tiffs_give_no_preview(tmp_path, tag, value):
    """Pillow would give the small preview that stands first in them."""
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[tag], tags[330] = value, 8
    if tag == 50706:
        tags.tagtype[tag] = 1
    Image.fromarray(PIXELS).save(tmp_path / "raw.nef", "TIFF", tiffinfo=tags)
    with pytest.raises(ImageError, match="is a camera's raw file; develop it first"):
        open_image(tmp_path / "raw.nef")


@pytest.mark.extras("pillow_heif")
def test_heic_where_its_reader_is_installed(tmp_path):
    heif = importlib.import_module("pillow_heif")
    heif.from_pillow(Image.fromarray(PIXELS)).save(tmp_path / "photo.jpg", quality=-1)
    assert np.abs(read_photo(tmp_path / "photo.jpg").astype(int) - PIXELS).mean() < 8


@pytest.mark.extras("PIL.AvifImagePlugin")
def test_avif_where_pillow_reads_it(tmp_path):
    assert_read(tmp_path / "photo", "AVIF")


@pytest.mark.extras("pillow_jxl")
def test_jpeg_xl_where_its_reader_is_installed(tmp_path):
    importlib.import_module("pillow_jxl")
    assert_read(tmp_path / "photo", "JXL")


def assert_read(path, file_format):
    Image.fromarray(PIXELS).save(path, file_format, quality=95)
    assert np.abs(read_photo(path).astype(int) - PIXELS).mean() < 8


def test_a_caller_may_take_fewer_formats():
    assert open_listed(io.BytesIO(encoded("WEBP")), "upload", formats=("PNG", "WEBP")).format == "WEBP"
    with pytest.raises(ImageError, match="is not an image"):
        open_listed(io.BytesIO(encoded("TIFF")), "upload", formats=("PNG", "WEBP"))
