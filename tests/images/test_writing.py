"""Written files: values rounded, whole or not there, refused before the work begins."""

import os
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.icc_profiles import DISPLAY_P3

from numpy_vitmatte.errors import VitMatteError
from numpy_vitmatte.images.photo_reading import open_photo
from numpy_vitmatte.images.writing import (
    ALPHA_SUFFIXES,
    check_output,
    picture_writer,
    save_alpha,
    save_png,
    write_together,
)

ALPHA = np.array([[0.0, 0.1, 0.5], [0.91, 0.9999, 1.0]], np.float32)


def test_png_levels_are_rounded(tmp_path):
    """Truncation would give 25 for 0.1 and 127 for 0.5."""
    save_alpha(tmp_path / "alpha.png", ALPHA)
    save_alpha(tmp_path / "alpha16.PNG", ALPHA, bits=16)
    with Image.open(tmp_path / "alpha.png") as eight, Image.open(tmp_path / "alpha16.PNG") as sixteen:
        assert (eight.mode, sixteen.mode) == ("L", "I;16")
        assert np.asarray(eight).tolist() == [[0, 26, 128], [232, 255, 255]]
        assert np.asarray(sixteen).tolist() == [[0, 6554, 32768], [59637, 65528, 65535]]


def test_npy_holds_the_values_themselves(tmp_path):
    save_alpha(tmp_path / "alpha.npy", ALPHA)
    loaded = np.load(tmp_path / "alpha.npy")
    assert loaded.dtype == np.float32
    np.testing.assert_array_equal(loaded, ALPHA)


@pytest.mark.parametrize(("channels", "mode"), [(3, "RGB"), (4, "RGBA")])
def test_pictures(tmp_path, channels, mode):
    pixels = np.random.default_rng(0).integers(0, 256, (4, 5, channels), dtype=np.uint8)
    save_png(tmp_path / "picture.png", pixels[:, ::-1])
    with Image.open(tmp_path / "picture.png") as image:
        assert image.mode == mode
        np.testing.assert_array_equal(np.asarray(image), pixels[:, ::-1])


def test_picture_formats(tmp_path):
    """JPEG keeps colors at full size: red and blue columns, one pixel wide each, stay apart."""
    pixels = np.tile(np.array([[[255, 0, 0], [0, 0, 255]]], np.uint8), (16, 8, 1))
    for name, kind, error in [("a.png", "PNG", 0), ("a.jpg", "JPEG", 30), ("a.JPEG", "JPEG", 30)]:
        write_together({tmp_path / name: picture_writer(tmp_path / name, pixels)})
        with Image.open(tmp_path / name) as image:
            assert image.format == kind
            assert np.abs(np.asarray(image).astype(int) - pixels).max() <= error


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("name", ["wide.png", "wide.tif"])
def test_colors_of_16_bits(tmp_path, name, channels, monkeypatch):
    """Several strips, bands and values of every size; Pillow and libtiff read them, this package all their bits."""
    monkeypatch.setattr("numpy_vitmatte.images.wide_tiff._STRIP_BYTES", 1000)
    monkeypatch.setattr("numpy_vitmatte.images.wide_png._BAND_BYTES", 1000)
    pixels = np.random.default_rng(0).integers(0, 65536, (41, 37, channels), dtype=np.uint16)
    pixels[..., 3:] |= 1  # nowhere wholly transparent
    path, icc = tmp_path / name, DISPLAY_P3
    write_together({path: picture_writer(path, pixels, icc)})
    with Image.open(path) as image:
        assert image.info["icc_profile"] == icc
        assert image.mode == ("RGB" if channels == 3 else "RGBA")
        np.testing.assert_array_equal(np.asarray(image), pixels >> 8)
    with warnings.catch_warnings(action="ignore"):
        photo = open_photo(path)
    np.testing.assert_array_equal(np.rint(photo.levels * 257), pixels[..., :3])


def test_a_tiff_that_would_be_too_large(tmp_path, monkeypatch):
    monkeypatch.setattr("numpy_vitmatte.images.wide_tiff._LARGEST_FILE", 70_000)
    path = tmp_path / "large.tif"
    noise = np.random.default_rng(0).integers(0, 65536, (50, 50, 3), dtype=np.uint16)
    with pytest.raises(VitMatteError, match=r"a TIFF holds less than 4 GB; choose \.png"):
        write_together({path: picture_writer(path, noise)})
    assert list(tmp_path.iterdir()) == []


def test_several_files_are_written_all_or_none(tmp_path):
    def disk_is_full(file):
        file.write(b"half of it")
        raise OSError(28, "No space left on device")

    (tmp_path / "a.png").write_bytes(b"precious")
    black = np.zeros((2, 2, 3), np.uint8)
    good = {tmp_path / name: picture_writer(tmp_path / name, black) for name in ("a.png", "b.jpg")}
    with pytest.raises(VitMatteError, match=r"c\.png' cannot be written: No space left on device"):
        write_together({**good, tmp_path / "c.png": disk_is_full})
    assert [(file.name, file.read_bytes()) for file in tmp_path.iterdir()] == [("a.png", b"precious")]
    write_together(good)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.png", "b.jpg"]
    assert (tmp_path / "a.png").read_bytes() != b"precious"


@pytest.mark.parametrize("there_before", [False, True])
def test_failed_writing_leaves_things_as_they_were(tmp_path, monkeypatch, there_before):
    path = tmp_path / "alpha.png"
    if there_before:
        path.write_bytes(b"precious")

    def disk_is_full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", disk_is_full)
    with pytest.raises(VitMatteError, match=r"alpha\.png' cannot be written: No space left on device"):
        save_alpha(path, ALPHA)
    assert [file.read_bytes() for file in tmp_path.iterdir()] == ([b"precious"] if there_before else [])


def test_what_cannot_be_written_is_said_beforehand(tmp_path):
    (tmp_path / "there.png").write_bytes(b"")
    (tmp_path / "folder.png").mkdir()
    for name, message in [
        ("alpha.jpg", r"ends in '\.jpg'; expected \.png, \.webp, \.tif, \.tiff or \.npy"),
        ("alpha", "has no ending"),
        ("nowhere/alpha.png", "no such folder"),
        ("folder.png", "is a directory"),
        ("there.png", "exists already.*--force"),
    ]:
        with pytest.raises(VitMatteError, match=message):
            check_output(tmp_path / name, ALPHA_SUFFIXES, overwrite=False)
    for name, overwrite in [("there.png", True), ("new.png", False), ("new.NPY", False)]:
        assert check_output(tmp_path / name, ALPHA_SUFFIXES, overwrite) == tmp_path / name


@pytest.fixture
def three(tmp_path):
    """Two files that stand, one of them a link, and a third that does not; what is to be written there."""
    (tmp_path / "a.png").write_bytes(b"precious")
    (tmp_path / "b.png").symlink_to("elsewhere.png")
    return {tmp_path / name: lambda file, name=name: file.write(name.encode()) for name in ("a.png", "b.png", "c.png")}


def left_in(folder):
    return {path.name: os.readlink(path) if path.is_symlink() else path.read_bytes() for path in folder.iterdir()}


def failing(monkeypatch, names):
    """Let the renaming to some names fail, the n-th time each."""
    replace, left = Path.replace, dict(names)

    def replace_or_fail(self, target):
        name = Path(target).name
        if name in left:
            left[name] -= 1
            if left[name] == 0:
                raise OSError(13, "Permission denied")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", replace_or_fail)


@pytest.mark.parametrize("fails", ["a.png", "b.png", "c.png"])
@pytest.mark.parametrize("links", [True, False])
def test_a_renaming_that_fails_undoes_those_before(three, tmp_path, monkeypatch, fails, links):
    """Also where the file system has no hard links; a link that leads nowhere is put back as a link."""
    before = left_in(tmp_path)
    failing(monkeypatch, {fails: 1})
    if not links:
        monkeypatch.setattr(os, "link", lambda *_, **__: (_ for _ in ()).throw(OSError(1, "no links here")))
    message = rf"{fails}' cannot be written: Permission denied; the other outputs are as they were before$"
    with pytest.raises(VitMatteError, match=message):
        write_together(three)
    assert left_in(tmp_path) == before
    monkeypatch.undo()
    write_together(three)
    assert left_in(tmp_path) == {"a.png": b"a.png", "b.png": b"b.png", "c.png": b"c.png"}


def test_what_cannot_be_undone_is_said(three, tmp_path, monkeypatch):
    failing(monkeypatch, {"c.png": 1, "a.png": 2})
    message = (
        r"written in part: .*Permission denied: '.*c\.png', and afterwards '.*a\.png' could not be put back \(Perm"
    )
    with pytest.raises(VitMatteError, match=message) as raised:
        write_together(three)
    (kept,) = tmp_path.glob(".a-*")
    assert str(kept) in str(raised.value)
    assert (kept.read_bytes(), (tmp_path / "a.png").read_bytes()) == (b"precious", b"a.png")
    assert sorted(left_in(tmp_path)) == sorted([kept.name, "a.png", "b.png"])
