"""JPEG XL: its size is known before its plug-in decodes it, and what limits other pictures limits it."""

import importlib
import io
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from numpy_vitmatte.cli import main
from numpy_vitmatte.errors import ImageError, VitMatteError
from numpy_vitmatte.images.jpeg_xl import BARE, CONTAINER, jpeg_xl_size
from numpy_vitmatte.images.pixel_limit import pixel_limit
from numpy_vitmatte.images.reading import open_image
from numpy_vitmatte.pipeline.photo_to_alpha import matte

SIDES = st.integers(1, 1 << 30)


@pytest.fixture
def plug_in():
    return importlib.import_module("pillow_jxl")


def codestream(width, height):
    """The header with both sides written out, each as the number of its bits and then itself."""
    value, place = 0, 1  # a 0: not in eights

    def put(number, bits):
        nonlocal value, place
        value |= number << place
        place += bits

    def put_side(side):
        kind = next(kind for kind, bits in enumerate((9, 13, 18, 30)) if side <= 1 << bits)
        put(kind, 2)
        put(side - 1, (9, 13, 18, 30)[kind])

    put_side(height)
    put(0, 3)  # no ratio
    put_side(width)
    return BARE + value.to_bytes(12, "little")


def box(kind, content):
    return struct.pack(">I4s", 8 + len(content), kind) + content


@given(SIDES, SIDES)
def test_sizes(width, height):
    assert jpeg_xl_size(io.BytesIO(codestream(width, height))) == (width, height)


def test_boxes():
    """One box; several that share the codestream; one of 64 bits of length; the last without a length."""
    stream = codestream(70_000, 300)
    for boxes in (
        box(b"ftyp", b"jxl \0\0\0\0jxl ") + box(b"jxlc", stream),
        box(b"Exif", bytes(1000)) + box(b"jxlp", bytes(4) + stream[:3]) + box(b"jxlp", b"\0\0\0\1" + stream[3:]),
        struct.pack(">I4sQ", 1, b"jxlc", 16 + len(stream)) + stream,
        struct.pack(">I4s", 0, b"jxlc") + stream,
    ):
        assert jpeg_xl_size(io.BytesIO(CONTAINER + boxes)) == (70_000, 300)


@given(st.binary(max_size=80), st.sampled_from([b"", BARE, CONTAINER]))
def test_damaged_headers(rest, beginning):
    try:
        width, height = jpeg_xl_size(io.BytesIO(beginning + rest))
    except ValueError:
        return
    assert (width > 0, height > 0) == (True, True)


def test_endless_boxes():
    with pytest.raises(ValueError, match="no header of JPEG XL"):
        jpeg_xl_size(io.BytesIO(CONTAINER + box(b"free", b"") * 100_000))


@pytest.mark.extras("pillow_jxl")
def test_the_plug_in_s_own_files(plug_in, tmp_path):
    for width, height, options in [(1, 1, {}), (256, 192, {"use_container": True}), (301, 77, {"lossless": True})]:
        Image.new("RGB", (width, height)).save(tmp_path / "a.jxl", **options)
        with open(tmp_path / "a.jxl", "rb") as file:
            assert jpeg_xl_size(file) == (width, height)


@pytest.mark.extras("pillow_jxl")
def test_limits_hold_before_it_is_decoded(plug_in, tmp_path, monkeypatch, lively_checkpoint, capsys):
    path = tmp_path / "bomb.jxl"
    Image.new("RGB", (3000, 2000)).save(path)
    monkeypatch.setattr(plug_in.JpegXLImagePlugin, "Decoder", None)  # nobody may call it
    with pixel_limit(5_000_000), pytest.raises(ImageError, match="would unpack to 6000000 of at most 5000000 pixels"):
        open_image(path)
    with pytest.raises(VitMatteError, match="its 3000 x 2000 pixels take 48 MB, of which 40 MB are allowed"):
        matte(path, np.zeros((4, 4), np.uint8), lively_checkpoint, max_memory="40MB")
    Image.new("L", (40, 40), 128).save(tmp_path / "small.png")
    small, out = str(tmp_path / "small.png"), str(tmp_path / "o.png")
    options = ["--composite", out, "--background", str(path), "--colors", "photo", "--max-memory", "40MB"]
    assert main(["matte", small, small, *options]) == 2
    assert "its 3000 x 2000 pixels take 48 MB" in capsys.readouterr().err


@pytest.mark.extras("pillow_jxl")
def test_exif_does_not_turn_it(plug_in, tmp_path):
    """The decoder has turned it already; of a repacked JPEG alone EXIF's word counts."""
    picture = Image.fromarray(np.arange(6, dtype=np.uint8).reshape(2, 3) * 40)
    exif = Image.Exif()
    exif[0x112] = 6
    picture.save(tmp_path / "a.jxl", exif=exif.tobytes(), lossless=True)
    assert open_image(tmp_path / "a.jxl").size == (3, 2)
    picture.save(tmp_path / "a.jpg", exif=exif)
    with Image.open(tmp_path / "a.jpg") as jpeg:
        jpeg.save(tmp_path / "b.jxl", lossless_jpeg=True)
    assert open_image(tmp_path / "b.jxl").size == (2, 3)
