"""An alpha has the scale of its file, not of its values."""

import numpy as np
import pytest
from PIL import Image
from support.bad_images import BAD_FILES, make_bad_file

from numpy_vitmatte.errors import ImageError
from numpy_vitmatte.images.alpha_files import read_alpha
from numpy_vitmatte.images.writing import save_png

DARK = np.array([[0, 1], [2, 1]])
"""Levels so low that a reader who goes by the values would take them for labels, or 16 bits for 8."""


@pytest.mark.parametrize("mode", ["L", "I;16", "F", "1", "P", "RGB", "LA", "RGBA"])
def test_scale_is_the_formats(mode, tmp_path):
    path = tmp_path / ("alpha.tiff" if mode == "F" else "alpha.png")
    if mode == "I;16":
        image, expected = Image.fromarray(DARK.astype(np.uint16)), DARK / 65535
    elif mode == "F":
        image, expected = Image.fromarray((DARK / 4).astype(np.float32)), DARK / 4
    elif mode == "1":
        image, expected = Image.fromarray(DARK == 1), DARK == 1
    else:
        image, expected = Image.fromarray(DARK.astype(np.uint8)).convert(mode), DARK / 255
    image.save(path)
    np.testing.assert_array_equal(read_alpha(path), expected)


def test_npy_and_cut_outs(tmp_path):
    alpha = np.array([[0.25, 0.5]], np.float32)
    np.save(tmp_path / "alpha.npy", alpha)
    np.testing.assert_array_equal(read_alpha(tmp_path / "alpha.npy"), alpha)
    cutout = np.uint8([[[200, 10, 20, 51], [0, 0, 0, 255]]])
    Image.fromarray(cutout).save(tmp_path / "cutout.png")
    np.testing.assert_array_equal(read_alpha(tmp_path / "cutout.png"), [[0.2, 1]])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.array([[1, 2]]), "holds int64; expected floats"),
        (np.array([[0.5, 1.5]]), r"shape \(1, 2\) and values 0.5 to 1.5; expected"),
        (np.array([0.5]), r"shape \(1,\)"),
        (np.array([[np.nan]]), "holds 1 NaN or infinite values of 1"),
        (np.array([[{}]], object), "cannot be read: Object arrays cannot be loaded"),
        (np.zeros((0, 2)), "is empty"),
    ],
)
def test_npy_that_is_no_alpha(values, message, tmp_path):
    np.save(tmp_path / "a.npy", values)
    with pytest.raises(ImageError, match=message):
        read_alpha(tmp_path / "a.npy")


def test_fewer_bits_than_the_file_has(tmp_path):
    """They are not guessed, since an alpha may be dark; a warning names them, and the depth decides."""
    levels = np.uint16([[0, 4095], [2000, 1]])
    path = tmp_path / "alpha.png"
    Image.fromarray(levels).save(path)
    with pytest.warns(UserWarning, match="levels up to 4095 of 65535; if it has 12 bits, say so with --depth 12"):
        np.testing.assert_array_equal(read_alpha(path), levels / 65535)
    np.testing.assert_array_equal(read_alpha(path, depth=12), levels / 4095)
    with pytest.raises(ImageError, match="levels up to 4095, which 10 bits do not hold; their largest is 1023"):
        read_alpha(path, depth=10)
    with pytest.raises(ImageError, match="depth is 11; expected one of 8, 10, 12, 14, 16 bits"):
        read_alpha(path, depth=11)


def test_cut_outs_of_16_bits_are_read_whole(tmp_path):
    pixels = np.arange(8, dtype=np.uint16).reshape(1, 2, 4) * 9001
    save_png(tmp_path / "cutout.png", pixels)
    np.testing.assert_array_equal(read_alpha(tmp_path / "cutout.png"), pixels[..., 3] / 65535)


def test_color_and_missing_files(tmp_path):
    Image.fromarray(np.uint8([[[200, 10, 20]]])).save(tmp_path / "photo.png")
    with pytest.raises(ImageError, match=r"alpha '.*photo.png' is in color and has no transparency"):
        read_alpha(tmp_path / "photo.png")
    with pytest.raises(ImageError, match="no such file"):
        read_alpha(tmp_path / "none.npy")


@pytest.mark.parametrize("name", BAD_FILES)
def test_bad_files(name, tmp_path):
    with pytest.raises(ImageError):
        read_alpha(make_bad_file(tmp_path, name))
