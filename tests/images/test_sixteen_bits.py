"""More than 8 bits: colors of 16 in PNG and TIFF, 10 to 14 in files of 16, and writing 16."""

import io
import struct
import sys
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image
from support.icc_profiles import DISPLAY_P3

from numpy_vitmatte.errors import ImageError
from numpy_vitmatte.images.header import photo_header
from numpy_vitmatte.images.photo_reading import open_photo, read_photo
from numpy_vitmatte.images.sixteen_bits import _exchanged
from numpy_vitmatte.images.wide_png import _write_chunk, write_wide_png
from numpy_vitmatte.trimaps.from_mask import trimap_from_mask
from numpy_vitmatte.trimaps.reading import read_trimap

COLORS = np.random.default_rng(9).integers(0, 65536, (23, 31, 4), dtype=np.uint16)
COLORS[0, 0] = 65535


def wide_png(pixels, **options):
    content = io.BytesIO()
    write_wide_png(content, pixels, **options)
    content.seek(0)
    return content


def wide_tiff(pixels, big_endian=False):
    """A TIFF of one strip, as TIFF 6.0 (section 6, RGB images) lays it out; Pillow has no mode to write it from."""
    order = ">" if big_endian else "<"
    height, width, channels = pixels.shape
    data = pixels.astype(f"{order}u2").tobytes()
    bits, start = struct.pack(f"{order}{channels}H", *(channels * [16])), 8 + len(data)
    entries = [(256, 4, width), (257, 4, height), (258, 3, start), (259, 3, 1), (262, 3, 2), (273, 4, 8),
               (277, 3, channels), (278, 4, height), (279, 4, len(data))] + [(338, 3, 2)] * (channels == 4)  # fmt: skip
    content = (b"MM" if big_endian else b"II") + struct.pack(f"{order}HI", 42, start + len(bits)) + data + bits
    content += struct.pack(f"{order}H", len(entries))
    for tag, kind, value in entries:
        count = channels if tag == 258 else 1
        short = kind == 3 and count == 1
        content += struct.pack(f"{order}HHI", tag, kind, count) + struct.pack(
            order + ("HH" if short else "I"), *([value, 0] if short else [value])
        )
    return io.BytesIO(content + bytes(4))


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.filterwarnings("ignore:photo.* is transparent itself")
def test_colors_of_sixteen_bits_lose_none_of_them(channels, tmp_path):
    """Pillow alone gives the upper 8."""
    colors = COLORS[..., :channels]
    (tmp_path / "wide.png").write_bytes(wide_png(colors).getvalue())
    for source in (Image.open(wide_png(colors)), tmp_path / "wide.png"):
        assert photo_header(source).wide
        photo = open_photo(source)
        assert photo.levels.dtype == np.float64
        np.testing.assert_array_equal(np.rint(photo.levels * 257), COLORS[..., :3])


@pytest.mark.parametrize("big_endian", [False, True])
def test_tiff_of_sixteen_bits_in_both_byte_orders(big_endian):
    levels = read_photo(Image.open(wide_tiff(COLORS[..., :3], big_endian)))
    np.testing.assert_array_equal(np.rint(levels * 257), COLORS[..., :3])


def test_the_other_byte():
    """Raw modes of Pillow, its native order being this machine's."""
    native = "16B" if sys.byteorder == "little" else "16L"
    assert _exchanged("RGB;16B") == "RGB;16L"
    assert _exchanged(("RGBA;16L", 0, 1)) == ("RGBA;16B", 0, 1)
    assert _exchanged(("RGB;16N", "tiff_lzw", False, 8)) == (f"RGB;{native}", "tiff_lzw", False, 8)


@settings(max_examples=25)
@given(
    hnp.arrays(np.uint16, st.tuples(st.integers(1, 9), st.integers(1, 9), st.sampled_from([3, 4])),
               elements=st.integers(0, 65535))
)  # fmt: skip
def test_written_png_is_what_pillow_reads(pixels):
    """Pillow gives the upper byte of each value, and the profile."""
    with Image.open(wide_png(pixels, icc_profile=DISPLAY_P3)) as image:
        image.load()
        assert image.mode == ("RGB" if pixels.shape[-1] == 3 else "RGBA")
        np.testing.assert_array_equal(np.asarray(image), pixels >> 8)
        assert image.info["icc_profile"] == DISPLAY_P3


def test_bands_of_rows_are_one_picture(monkeypatch):
    monkeypatch.setattr("numpy_vitmatte.images.wide_png._BAND_BYTES", 1000)
    with Image.open(wide_png(COLORS)) as image:
        np.testing.assert_array_equal(np.asarray(image), COLORS >> 8)


def test_gray_with_transparency_of_sixteen_bits_is_warned_of():
    """Pillow has its upper bytes, and no way to the lower ones."""
    content = io.BytesIO(b"\x89PNG\r\n\x1a\n")
    content.seek(8)
    _write_chunk(content, b"IHDR", struct.pack(">IIBBBBB", 2, 1, 16, 4, 0, 0, 0))
    _write_chunk(content, b"IDAT", zlib.compress(b"\0" + struct.pack(">4H", 0x1234, 0xFFFF, 0x8001, 0xFFFF)))
    _write_chunk(content, b"IEND", b"")
    with pytest.warns(UserWarning, match="has colors of 16 bits, of which Pillow reads the upper 8"):
        levels = read_photo(Image.open(content))
    assert levels[0, :, 0].tolist() == [0x12, 0x80]


def test_one_color_after_the_other():
    """Planar configuration 2: three strips, a color each. Pillow alone takes each byte for a value."""
    colors = COLORS[..., :3]
    content = bytearray(wide_tiff(colors.transpose(2, 0, 1).reshape(23, 31, 3)).getvalue())
    strip, start = 2 * 23 * 31, 8 + 6 * 23 * 31
    entries = [(256, 3, 1, 31), (257, 3, 1, 23), (258, 3, 3, start), (259, 3, 1, 1), (262, 3, 1, 2),
               (273, 4, 3, start + 6), (277, 3, 1, 3), (278, 3, 1, 23), (279, 4, 3, start + 18),
               (284, 3, 1, 2)]  # fmt: skip
    places = struct.pack("<3H6I", 16, 16, 16, *(8 + strip * c for c in range(3)), *3 * [strip])
    directory = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *entry) for entry in entries)
    file = b"II" + struct.pack("<HI", 42, start + len(places)) + content[8:start] + places + directory + bytes(4)
    levels = read_photo(Image.open(io.BytesIO(file)))
    np.testing.assert_array_equal(np.rint(levels * 257), colors)


# Depths --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bits", [10, 12, 14])
def test_fewer_bits_in_sixteen_are_recognized_and_said(bits, tmp_path):
    """The issue's photo, times 16 for 12 bits; and the trimap of 0, 2048, 4095."""
    largest = (1 << bits) - 1
    gray = np.array([[0, 1 << (bits - 1), largest]], np.uint16)
    Image.fromarray(gray).save(tmp_path / "gray.png")
    colors = np.repeat(gray[..., None], 3, axis=-1)
    (tmp_path / "colors.png").write_bytes(wide_png(colors).getvalue())
    expected = gray[..., None] * (255 / largest)
    for source in (gray, gray.astype(np.int64), tmp_path / "gray.png", tmp_path / "colors.png"):
        with pytest.warns(
            UserWarning, match=rf"has values up to {largest}, which are taken for {bits} bits; .*--depth"
        ):
            levels = read_photo(source)
        np.testing.assert_allclose(levels, np.broadcast_to(expected, (1, 3, 3)), rtol=1e-12)
        with pytest.warns(UserWarning, match=f"trimap.* has values up to {largest}, which are taken for {bits} bits"):
            trimap, report = read_trimap(source)
        assert trimap.tolist() == [[0, 128, 255]]
        assert report.understood_as == f"{bits}-bit values"
        with pytest.warns(UserWarning, match=f"mask.* are taken for {bits} bits"):
            np.testing.assert_array_equal(trimap_from_mask(source, 0, 0), [[0, 128, 255]])


def test_a_stated_depth_needs_no_guess():
    """A dark photo of 12 bits looks like one of 10; stated, nothing is warned of."""
    dark = np.array([[0, 900, 1000]], np.uint16)
    np.testing.assert_allclose(read_photo(dark, depth=12)[..., 0], dark * (255 / 4095))
    np.testing.assert_allclose(read_photo(dark, depth=16)[..., 0], dark / 257)
    np.testing.assert_array_equal(read_photo(dark // 4, depth=8)[..., 0], dark // 4)
    np.testing.assert_allclose(read_photo(np.array([[0, 200]], np.uint16), depth=10)[..., 0], [[0, 200 * 255 / 1023]])
    np.testing.assert_array_equal(read_photo((dark // 4).astype(np.uint8), depth=12)[..., 0], dark // 4)
    assert read_trimap(np.array([[0, 2048, 4095]], np.uint16), depth=12)[0].tolist() == [[0, 128, 255]]
    assert read_trimap(np.array([[0, 1, 2]], np.uint16), depth=12)[0].tolist() == [[0, 0, 0]]


def test_depths_that_cannot_be():
    with pytest.raises(
        ImageError, match="photo has values up to 4095, which 10 bits do not hold; their largest is 1023"
    ):
        read_photo(np.array([[4095]], np.uint16), depth=10)
    with pytest.raises(ImageError, match="depth is 11; expected one of 8, 10, 12, 14, 16 bits"):
        read_photo(np.array([[4095]], np.uint16), depth=11)


def test_eight_bits_written_twice_are_sixteen():
    """A dark picture of 8 bits, widened by 257, has small values and is no picture of 12 bits."""
    np.testing.assert_allclose(read_photo(np.array([[0, 257, 10 * 257]], np.uint16))[0, :, 0], [0, 1, 10])


@pytest.mark.parametrize("tag", [281, None])
def test_a_tiff_that_says_its_depth_is_believed(tag, tmp_path):
    """By its largest sample value; a dark one would be taken for 10 bits. Without the tag it is."""
    dark = np.array([[0, 900, 1000]], np.uint16)
    Image.fromarray(dark).save(tmp_path / "dark.tif", tiffinfo={tag: 4095} if tag else {})
    if tag:
        np.testing.assert_allclose(read_photo(tmp_path / "dark.tif")[..., 0], dark * (255 / 4095))
    else:
        with pytest.warns(UserWarning, match="taken for 10 bits"):
            read_photo(tmp_path / "dark.tif")
