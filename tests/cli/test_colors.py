"""What becomes of a photo's colors, depth and transparency on the command line, and of a mask in place of a trimap."""

import io
import sys

import numpy as np
import pytest
from PIL import Image
from support import command_line
from support.command_line import assert_refused
from support.icc_profiles import ADOBE_RGB, DISPLAY_P3
from support.matting_job import PHOTO, TRIMAP

from numpy_vitmatte.images.color_profile import is_srgb, to_srgb
from numpy_vitmatte.images.photo_reading import read_photo
from numpy_vitmatte.matting.composite import composite
from numpy_vitmatte.pipeline.photo_to_alpha import matte
from numpy_vitmatte.trimaps.from_mask import trimap_from_mask

JOB = ("matte", "photo.png", "trimap.png", "--model", "checkpoint")
BEACH = np.random.default_rng(3).integers(0, 256, (50, 71, 3), dtype=np.uint8)


@pytest.fixture(autouse=True)
def photo(folder):
    """The photo in the working directory is in Display P3."""
    Image.fromarray(PHOTO).save("photo.png", icc_profile=DISPLAY_P3)


def run(capsys, *arguments):
    """The lines of stderr of a command that succeeds."""
    status, _, err = command_line.run(capsys, *arguments)
    assert status == 0, err
    return err


def opened(path):
    with Image.open(path) as image:
        return np.asarray(image), image.info.get("icc_profile")


def test_the_network_sees_srgb(capsys):
    said = run(capsys, *JOB, "-o", "a.npy")
    assert any("photo: its colors are those of 'by hand'; the network sees them in sRGB" in line for line in said)
    np.testing.assert_array_equal(np.load("a.npy"), matte(to_srgb(PHOTO, DISPLAY_P3), TRIMAP, "checkpoint"))
    assert (np.load("a.npy") != matte(PHOTO, TRIMAP, "checkpoint")).any()


@pytest.mark.parametrize("name", ["out.png", "out.webp", "out.tif", "OUT.TIFF"])
def test_a_cutout_stays_in_the_photos_colors(capsys, name):
    """Every pixel that is seen has the photo's own level, and the file says what the level means."""
    run(capsys, *JOB, "--colors", "photo", "--cutout", name, "-o", "a.png")
    rgba, icc = opened(name)
    alpha, none = opened("a.png")
    assert (icc, none) == (DISPLAY_P3, None)
    np.testing.assert_array_equal(rgba[..., 3], alpha)
    np.testing.assert_array_equal(rgba[alpha > 0][:, :3], PHOTO[alpha > 0])


@pytest.mark.parametrize("name", ["out.png", "out.webp", "out.tif", "out.jpg"])
def test_a_composite_with_another_space_is_blended_in_srgb(capsys, name):
    """The photo is converted, the background too; the file says sRGB."""
    Image.fromarray(BEACH).save("beach.png", icc_profile=ADOBE_RGB)
    run(capsys, *JOB, "--colors", "photo", "--background", "beach.png", "--composite", name, "-o", "a.npy")
    picture, icc = opened(name)
    assert icc is not None
    assert is_srgb(icc)
    expected = composite(to_srgb(PHOTO, DISPLAY_P3), np.load("a.npy"), to_srgb(BEACH, ADOBE_RGB))
    assert np.abs(picture.astype(int) - expected).mean() < (5 if name == "out.jpg" else 1e-9)


def test_a_composite_with_a_color_is_blended_in_srgb(capsys):
    """Colors by name are sRGB's: orange must not come out as Display P3's orange."""
    run(capsys, *JOB, "--colors", "photo", "--background", "#ff8000", "--composite", "out.png", "-o", "a.npy")
    picture, icc = opened("out.png")
    assert is_srgb(icc)
    assert (picture[np.load("a.npy") == 0] == [255, 128, 0]).all()


def test_a_composite_within_one_space_stays_there(capsys):
    Image.fromarray(BEACH).save("beach.png", icc_profile=DISPLAY_P3)
    run(capsys, *JOB, "--colors", "photo", "--background", "beach.png", "--composite", "out.png", "-o", "a.npy")
    picture, icc = opened("out.png")
    assert icc == DISPLAY_P3
    np.testing.assert_array_equal(picture, composite(PHOTO, np.load("a.npy"), BEACH))


def test_light_is_blended_in_srgb_whatever_the_space(capsys):
    """--linear knows sRGB's curve."""
    Image.fromarray(PHOTO).save("photo.png", icc_profile=ADOBE_RGB)
    Image.fromarray(BEACH).save("beach.png", icc_profile=ADOBE_RGB)
    job = ("--colors", "photo", "--linear", "--background", "beach.png", "--composite", "out.png", "-o", "a.npy")
    run(capsys, *JOB, *job)
    picture, icc = opened("out.png")
    assert is_srgb(icc)
    colors, behind = to_srgb(PHOTO, ADOBE_RGB), to_srgb(BEACH, ADOBE_RGB)
    np.testing.assert_array_equal(picture, composite(colors, np.load("a.npy"), behind, linear=True))


# Bits --------------------------------------------------------------------------------------------------------------


def test_a_cutout_of_sixteen_bits(capsys):
    """Also the alpha has them; what cannot hold them has 8."""
    wide = np.random.default_rng(5).integers(0, 65536, (50, 71, 3), dtype=np.uint16)
    np.save("photo.npy", wide)
    job = ("matte", "photo.npy", "trimap.png", "--model", "checkpoint", "--colors", "photo", "--bits", "16")
    run(capsys, *job, "--cutout", "out.png", "-o", "a.tif")
    alpha, _ = opened("a.tif")
    assert alpha.dtype == np.uint16
    with pytest.warns(UserWarning, match="transparent itself"):
        colors = read_photo("out.png")
    seen = alpha > 0
    np.testing.assert_array_equal(np.rint(colors[seen] * 257), wide[seen])
    assert (colors[~seen] == 0).all()


def test_depth_of_photo_and_trimap(capsys, folder):
    """The issue's 12 bits in files of 16 give the alpha of 8 bits, and a line that says so; stated, none."""
    Image.fromarray(PHOTO[..., 0]).save("photo.png")
    run(capsys, *JOB, "-o", "expected.npy")
    levels = {"photo": PHOTO[..., 0], "trimap": TRIMAP}
    for name, pixels in levels.items():
        Image.fromarray(np.rint(pixels * (4095 / 255)).astype(np.uint16)).save(f"{name}.png")
    guessed = run(capsys, *JOB, "-o", "guessed.npy")
    stated = run(capsys, *JOB, "-o", "stated.npy", "--depth", "12")
    assert any("photo 'photo.png' has values up to 4095, which are taken for 12 bits" in line for line in guessed)
    assert any("trimap 'trimap.png' has values up to 4095, which are taken for 12 bits" in line for line in guessed)
    assert not any("taken for" in line for line in stated)
    for name in ("guessed.npy", "stated.npy"):
        assert np.abs(np.load(name) - np.load("expected.npy")).max() < 0.02  # half a step of 12 bits in the photo


# Transparency ------------------------------------------------------------------------------------------------------


def test_what_was_cut_away_is_not_in_the_file(capsys):
    """Neither the photo's background, nor what was wholly transparent in the photo itself."""
    run(capsys, *JOB, "--colors", "photo", "--cutout", "out.png")
    rgba, _ = opened("out.png")
    assert (rgba[..., 3] == 0).any()
    assert (rgba[rgba[..., 3] == 0] == 0).all()


def test_a_photo_that_is_transparent_itself(capsys):
    """It is said; the alpha is that of the colors as they lie; hidden ones are in no picture that is made of it."""
    own = np.full((50, 71), 255, np.uint8)
    own[10:30, 30:60] = 0  # across the unknown and the foreground
    Image.fromarray(np.dstack([PHOTO, own])).save("photo.png")
    said = run(capsys, *JOB, "-o", "a.npy", "--colors", "photo", "--cutout", "out.png")
    assert any("photo 'photo.png' is transparent itself, in 16.9% of its pixels" in line for line in said)
    np.testing.assert_array_equal(np.load("a.npy"), matte(PHOTO, TRIMAP, "checkpoint"))
    rgba, _ = opened("out.png")
    assert (rgba[own == 0][:, :3] == 0).all()
    assert rgba[own == 0][:, 3].any()


# Masks and arrays --------------------------------------------------------------------------------------------------


def test_a_mask_in_place_of_a_trimap(capsys):
    """One step for two, and a line that says what was made."""
    mask = np.where(np.arange(71)[None].repeat(50, 0) > 35, 255, 0).astype(np.uint8)
    Image.fromarray(mask).save("mask.png")
    job = ("matte", "photo.png", "--mask", "mask.png", "--model", "checkpoint")
    said = run(capsys, *job, "--erode", "4", "--dilate", "10%", "-o", "a.npy")
    trimap = trimap_from_mask(mask, 4, "10%")
    np.testing.assert_array_equal(np.load("a.npy"), matte("photo.png", trimap, "checkpoint"))
    np.testing.assert_array_equal(
        np.load("a.npy"), matte("photo.png", mask=mask, erode=4, dilate=5, model="checkpoint")
    )
    (made,) = (line for line in said if "trimap: made of the mask, 4 pixels of its foreground and 5 of its" in line)
    assert f"{np.mean(trimap == 128):.1%} unknown" in made


def test_words_in_any_order(capsys):
    run(capsys, "matte", "photo.png", "-o", "a.npy", "trimap.png", "--model", "checkpoint")
    run(capsys, "matte", "--mask", "trimap.png", "-o", "b.npy", "photo.png", "--model", "checkpoint")


def test_arrays_in_files_and_in_pipes(capsys, monkeypatch):
    np.save("photo.npy", PHOTO)
    np.save("trimap.npy", TRIMAP)
    run(capsys, "matte", "photo.npy", "trimap.npy", "-o", "a.npy", "--model", "checkpoint")
    content = io.BytesIO()
    np.save(content, PHOTO)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content.getvalue())))
    run(capsys, "matte", "-", "trimap.npy", "-o", "b.npy", "--model", "checkpoint")
    for name in ("a.npy", "b.npy"):
        np.testing.assert_array_equal(np.load(name), matte(PHOTO, TRIMAP, "checkpoint"))


def test_a_folder_of_masks_and_arrays(capsys, folder):
    """``batch`` takes what it counts as a picture, and makes trimaps of masks."""
    for name in ("photos", "masks"):
        (folder / name).mkdir()
    mask = np.where(np.arange(71)[None].repeat(50, 0) > 35, 255, 0).astype(np.uint8)
    np.save("photos/one.npy", PHOTO)
    np.save("masks/one.npy", mask)
    job = ("batch", "photos", "masks", "--masks", "--erode", "4", "--dilate", "5", "-o", "alphas")
    run(capsys, *job, "--model", "checkpoint", "--bits", "16")
    alpha, _ = opened("alphas/one.png")
    expected = matte(PHOTO, mask=mask, erode=4, dilate=5, model="checkpoint")
    assert np.abs(alpha / 65535 - expected).max() < 1e-5  # half a step of 16 bits


def test_webp_is_too_small_for_a_panorama(capsys, folder):
    """Its sides have 16383 pixels at most; nothing is left behind."""
    np.save("photo.npy", np.zeros((4, 16400, 3), np.uint8))
    np.save("trimap.npy", np.zeros((4, 16400), np.uint8))
    job = ("matte", "photo.npy", "trimap.npy", "-o", "a.webp", "--model", "checkpoint")
    assert_refused(command_line.run(capsys, *job), "output 'a.webp' cannot be written: encoding error 5")
    assert not list(folder.glob("*a*.webp"))


@pytest.mark.extras("pymatting")
def test_estimated_colors_keep_the_space(capsys):
    run(capsys, *JOB, "--cutout", "out.png", "--bits", "16")
    assert opened("out.png")[1] == DISPLAY_P3


def test_a_missing_pymatting_names_the_way_without(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "pymatting", None)
    assert_refused(command_line.run(capsys, *JOB, "--cutout", "out.png"), "--colors photo")
