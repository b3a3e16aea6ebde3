"""``numpy-vitmatte matte`` with everything it can write besides the alpha, and with pipes on both ends."""

import io
import os
import sys

import numpy as np
import pytest
from PIL import Image
from support.command_line import assert_refused, files, pixels, run
from support.matting_job import PHOTO, TRIMAP

from numpy_vitmatte.cli import main
from numpy_vitmatte.matting.background import cover_frame, fit_frame
from numpy_vitmatte.matting.composite import composite, cutout
from numpy_vitmatte.matting.foreground import estimate_foreground
from numpy_vitmatte.pipeline.photo_to_alpha import matte
from numpy_vitmatte.pipeline.trust import matte_with_trust

needs_pymatting = pytest.mark.extras("pymatting")
BEACH = np.random.default_rng(3).integers(0, 256, (30, 40, 3), dtype=np.uint8)
JOB = ("matte", "photo.png", "trimap.png", "--model", "checkpoint")


@pytest.fixture(autouse=True)
def background(folder):
    """A background of another size, in the working directory."""
    Image.fromarray(BEACH).save("beach.png")


@needs_pymatting
def test_cutout_and_composite_in_the_subjects_colors(capsys):
    """The issue's own command; no alpha is asked for and none is written."""
    status, out, err = run(
        capsys, *JOB, "--cutout", "out.png", "--background", "beach.png", "--composite", "out.jpg", "--quiet"
    )
    assert (status, out, err) == (0, "out.png\nout.jpg\n", [])
    alpha = matte(PHOTO, TRIMAP, "checkpoint")
    colors = estimate_foreground(PHOTO, alpha)
    np.testing.assert_array_equal(pixels("out.png"), cutout(colors, alpha))
    assert (pixels("out.png")[..., :3] != PHOTO).any()
    with Image.open("out.jpg") as picture:
        assert picture.format == "JPEG"
        expected = composite(colors, alpha, cover_frame(BEACH, 50, 71))
        assert np.abs(np.asarray(picture).astype(float) - expected).mean() < 4


@needs_pymatting
def test_linear_goes_for_estimate_and_blending(capsys):
    assert run(capsys, *JOB, "--linear", "--background", "#204060", "--composite", "a.png", "--cutout", "b.png")[0] == 0
    alpha = matte(PHOTO, TRIMAP, "checkpoint")
    colors = estimate_foreground(PHOTO, alpha, linear=True)
    np.testing.assert_array_equal(pixels("a.png"), composite(colors, alpha, (32, 64, 96), linear=True))
    np.testing.assert_array_equal(pixels("b.png"), cutout(colors, alpha))


@pytest.mark.parametrize("fit", ["fit", "cover"])
def test_photo_colors_need_no_extra(capsys, monkeypatch, fit):
    monkeypatch.setitem(sys.modules, "pymatting", None)
    arguments = ("--colors", "photo", "--background", "beach.png", "--fit", fit, "--composite", "a.png")
    assert run(capsys, *JOB, *arguments, "--cutout", "b.png")[0] == 0
    alpha = matte(PHOTO, TRIMAP, "checkpoint")
    scaled = (fit_frame if fit == "fit" else cover_frame)(BEACH, 50, 71)
    np.testing.assert_array_equal(pixels("a.png"), composite(PHOTO, alpha, scaled))
    np.testing.assert_array_equal(pixels("b.png"), cutout(PHOTO, alpha))


def test_trust_map_and_profile(capsys):
    status, out, err = run(capsys, *JOB, "-o", "a.npy", "--trust", "map.png", "--profile", "hustvl")
    assert (status, out) == (0, "a.npy\nmap.png\n")
    result, trust = matte_with_trust(PHOTO, TRIMAP, "checkpoint", profile="hustvl")
    np.testing.assert_array_equal(np.load("a.npy"), result.alpha)
    np.testing.assert_array_equal(pixels("map.png"), trust.picture())
    assert err[1:] == [f"numpy-vitmatte: {line}" for line in trust.lines()]


# Pipes --------------------------------------------------------------------------------------------------------------


def pipe(capfdbinary, monkeypatch, content, *arguments):
    """Exit status, standard output in bytes and standard error of a command that may read from standard input."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    status = main([*arguments, "--model", "checkpoint", "--quiet"])
    printed = capfdbinary.readouterr()
    return status, printed.out, printed.err.decode()


def test_photo_from_a_pipe_and_alpha_into_one(folder, capfdbinary, monkeypatch):
    before = files(folder)
    content = (folder / "photo.png").read_bytes()
    status, out, err = pipe(capfdbinary, monkeypatch, content, "matte", "-", "trimap.png", "-o", "-", "--bits", "16")
    assert (status, err) == (0, "")
    with Image.open(io.BytesIO(out)) as image:
        assert (image.format, image.mode) == ("PNG", "I;16")
        assert np.abs(np.asarray(image) / 65535 - matte(PHOTO, TRIMAP, "checkpoint")).max() < 1e-5
    assert files(folder) == before


def test_a_background_from_a_pipe_beside_files(folder, capfdbinary, monkeypatch):
    job = ("matte", "photo.png", "trimap.png", "--colors", "photo", "--composite", "-", "--background", "-")
    content = (folder / "beach.png").read_bytes()
    status, out, err = pipe(capfdbinary, monkeypatch, content, *job, "-o", "a.png")
    assert (status, err) == (0, "")
    expected = composite(PHOTO, matte(PHOTO, TRIMAP, "checkpoint"), cover_frame(BEACH, 50, 71))
    with Image.open(io.BytesIO(out)) as image:  # nothing but the picture: no path of the alpha in it
        np.testing.assert_array_equal(np.asarray(image), expected)
    assert pixels("a.png").shape == (50, 71)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "trimap on standard input is not an image: it is empty"),
        (b"no picture", "trimap on standard input is not an image: it begins with b'no picture'"),
        (
            b"<html>no picture",
            "trimap on standard input is a web page; what was saved is a page about the picture; save the "
            "picture itself",
        ),
    ],
)
def test_a_pipe_without_a_picture(folder, capfdbinary, monkeypatch, content, message):
    before = files(folder)
    status, out, err = pipe(capfdbinary, monkeypatch, content, "matte", "photo.png", "-", "-o", "a.png")
    assert (status, out) == (2, b"")
    assert err == f"numpy-vitmatte: error: {message}\n"
    assert files(folder) == before


def test_a_bomb_in_a_pipe(folder, capfdbinary, monkeypatch):
    content = (folder / "photo.png").read_bytes()
    job = ("matte", "-", "trimap.png", "-o", "a.png", "--max-pixels", "1000")
    status, out, err = pipe(capfdbinary, monkeypatch, content, *job)
    assert (status, out) == (2, b"")
    assert "photo on standard input is refused: it would unpack to 3550 of at most 1000 pixels" in err
    assert "raise the limit with --max-pixels" in err


def test_a_truncated_picture_in_a_pipe(folder, capfdbinary, monkeypatch):
    content = (folder / "photo.png").read_bytes()[:-400]
    status, out, err = pipe(capfdbinary, monkeypatch, content, "matte", "-", "trimap.png", "-o", "-")
    assert (status, out) == (2, b"")
    assert err.startswith("numpy-vitmatte: error: photo is damaged and cannot be decoded")


# What goes wrong ------------------------------------------------------------------------------------------------------


def test_the_missing_extra_is_named_before_the_work(folder, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "pymatting", None)
    before = files(folder)
    refused = run(capsys, *JOB, "-o", "a.png", "--cutout", "b.png", "--model", "no-such-model")
    assert_refused(refused, "needs pymatting: pip install 'numpy-vitmatte[foreground]'")
    assert files(folder) == before


def test_a_disk_that_fills_at_the_last_file_leaves_none(folder, capsys, monkeypatch):
    assert run(capsys, *JOB, "-o", "warm.png")[0] == 0  # kernels are compiled, and say so, before the disk fills
    before, synced, fsync = files(folder), [], os.fsync

    def disk_that_takes_two(descriptor):
        synced.append(descriptor)
        if len(synced) > 2:
            raise OSError(28, "No space left on device")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", disk_that_takes_two)
    refused = run(capsys, *JOB, "-o", "a.png", "--cutout", "b.png", "--trust", "c.png", "--colors", "photo")
    assert_refused(refused, "'c.png' cannot be written: No space left on device")
    assert files(folder) == before
