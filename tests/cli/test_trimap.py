"""``numpy-vitmatte trimap``: masks become trimaps, trimaps are examined. What it refuses: ``bad_inputs/trimap.py``."""

import io
import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from support import command_line
from support.matting_job import PHOTO, TRIMAP

from numpy_vitmatte import trimap_from_mask
from numpy_vitmatte.cli import main

MASK = np.where(np.arange(71) < 35, 0, 255).astype(np.uint8)[None].repeat(50, axis=0)
SIXTEEN = TRIMAP.astype(np.uint16) * 257
SHARES = "trimap: values 0 to 255; 28.2% foreground, 28.2% background, 43.7% unknown"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working directory with a mask, a photo, a good trimap and some poor ones."""
    monkeypatch.chdir(tmp_path)
    for name, pixels in {
        "mask.png": MASK,
        "cutout.png": np.dstack([PHOTO, MASK]),
        "photo.png": PHOTO,
        "trimap.png": TRIMAP,
        "sixteen.png": SIXTEEN,
        "double.png": np.repeat(np.repeat(TRIMAP, 2, 0), 2, 1),
        "cropped.png": TRIMAP[:-9],
        "no-background.png": np.maximum(TRIMAP, 128),
    }.items():
        Image.fromarray(pixels).save(name)
    return tmp_path


def run(capsys, *arguments):
    return command_line.run(capsys, "trimap", *arguments)


def pixels(path):
    with Image.open(path) as image:
        assert image.mode == "L"
        return np.asarray(image)


def files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


# Making -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mask", ["mask.png", "cutout.png"])
def test_a_mask_becomes_a_trimap(folder, capsys, mask):
    status, out, err = run(capsys, mask, "-o", "new.png", "--erode", 10, "--dilate", 7)
    assert (status, out) == (0, "new.png\n")
    np.testing.assert_array_equal(pixels("new.png"), trimap_from_mask(MASK, 10, 7))
    assert err == ["numpy-vitmatte: trimap: values 0 to 255; 36.6% foreground, 39.4% background, 23.9% unknown"]


def test_lengths_in_percent_thresholds_and_what_verbose_adds(folder, capsys):
    Image.fromarray(MASK // 3 * 2 + 60).save("soft.png")  # 60 and 230
    options = ["--erode", "10%", "--dilate", "4", "--background", 0.25, "--foreground", 0.9, "--verbose"]
    status, _, err = run(capsys, "soft.png", "-o", "new.png", *options)
    assert status == 0
    np.testing.assert_array_equal(pixels("new.png"), trimap_from_mask(MASK, 5, 4))
    assert "numpy-vitmatte: mask: 71 x 50 pixels, eroded by 5, dilated by 4" in err
    assert run(capsys, "soft.png", "-o", "quiet.png", *options[:-1], "--quiet") == (0, "quiet.png\n", [])


def test_a_band_that_takes_everything_is_warned_of(folder, capsys):
    status, _, err = run(capsys, "mask.png", "-o", "new.png", "--erode", 50)
    assert status == 0
    assert err[-1] == (
        "numpy-vitmatte: warning: the erode of 50 pixels leaves no foreground: the mask's own is at most 36.0 pixels "
        "deep; give less"
    )


def test_existing_output_is_kept_without_force(folder, capsys):
    before = files(folder)
    status, out, err = run(capsys, "mask.png", "-o", "trimap.png")
    assert (status, out) == (2, "")
    assert err == [
        "numpy-vitmatte: error: output 'trimap.png' exists already; choose another name, or overwrite it with --force"
    ]
    assert files(folder) == before
    assert run(capsys, "mask.png", "-o", "trimap.png", "--force")[0] == 0
    np.testing.assert_array_equal(pixels("trimap.png"), trimap_from_mask(MASK))


# Checking -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("strict", [[], ["--strict"]])
def test_a_healthy_trimap(folder, capsys, strict):
    assert run(capsys, "--check", "trimap.png", "photo.png", *strict) == (0, f"{SHARES}\nnothing to repair\n", [])


def test_what_is_found_goes_to_stdout_and_the_status_tells(folder, capsys):
    status, out, err = run(capsys, "--check", "sixteen.png", "photo.png")
    assert (status, err) == (1, [])
    assert out.splitlines() == [
        SHARES.replace("values 0 to 255", "16-bit values"),
        "can be repaired: form: Pillow's mode I;16, 16-bit integers; expected L, 8-bit gray",
        "can be repaired: scale: it was read as 16-bit values; other tools expect values 0, 128 and 255",
    ]


@pytest.mark.parametrize("poor", ["sixteen.png", "double.png", "trimap.png"])
def test_what_is_repaired_is_written_and_needs_no_second_repair(folder, capsys, poor):
    status, out, err = run(capsys, "--check", poor, "photo.png", "-o", "new.png")
    assert (status, out) == (0, "new.png\n")
    assert err[0].startswith("numpy-vitmatte: trimap: ")
    np.testing.assert_array_equal(pixels("new.png"), TRIMAP)
    assert run(capsys, "--check", "--strict", "new.png", "photo.png")[0] == 0


def test_what_remains_after_the_repair_is_status_1(folder, capsys):
    status, out, err = run(capsys, "--check", "no-background.png", "-o", "new.png")
    assert (status, out) == (1, "new.png\n")
    assert err[1].startswith("numpy-vitmatte: needs a person: classes: the trimap marks no background")


def test_quiet_leaves_the_status_and_the_results(folder, capsys):
    assert run(capsys, "--check", "sixteen.png", "-o", "new.png", "--quiet") == (0, "new.png\n", [])


# In a pipe ----------------------------------------------------------------------------------------------------------


class Stream:
    """Standard input or output, whose bytes are in ``buffer``."""

    def __init__(self, content=b""):
        self.buffer = io.BytesIO(content)

    def flush(self):
        """Nothing waits."""


def test_mask_from_stdin_and_trimap_to_stdout(folder, capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", Stream((folder / "cutout.png").read_bytes()))
    with monkeypatch.context() as patched:
        patched.setattr(sys, "stdout", written := Stream())
        assert main(["trimap", "-", "-o", "-", "--erode", "3"]) == 0
    np.testing.assert_array_equal(pixels(io.BytesIO(written.buffer.getvalue())), trimap_from_mask(MASK, 3))
    monkeypatch.setattr(sys, "stdin", Stream(written.buffer.getvalue()))
    assert run(capsys, "--check", "-", "photo.png")[0] == 0


def test_photo_from_stdin(folder, capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", Stream((folder / "photo.png").read_bytes()))
    status, out, _ = run(capsys, "--check", "cropped.png", "-")
    assert status == 1
    assert "needs a person: size: the photo is 71 x 50 pixels" in out


def test_two_programs_in_a_pipe(folder):
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = f'"{sys.executable}" -m numpy_vitmatte trimap'
    piped = f"{command} - -o - --quiet < mask.png | {command} --check - photo.png --strict"
    done = subprocess.run(piped, shell=True, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("\nnothing to repair\n")


# What goes wrong ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("content", "message"), [(b"", "it is empty"), (b"hello", "it begins with b'hello'")])
def test_stdin_without_a_picture(folder, capsys, monkeypatch, content, message):
    monkeypatch.setattr(sys, "stdin", Stream(content))
    before = files(folder)
    status, out, err = run(capsys, "-", "-o", "new.png")
    assert (status, out) == (2, "")
    assert err == [f"numpy-vitmatte: error: mask on standard input is not an image: {message}"]
    assert files(folder) == before


@pytest.mark.parametrize(
    "order",
    ["sixteen.png --check photo.png", "--check sixteen.png photo.png", "sixteen.png photo.png --check"],
)
def test_check_may_stand_anywhere(folder, capsys, order):
    """The photo counts in each: a trimap that fits it says so by its size, one that does not is found."""
    expected = run(capsys, "--check", "sixteen.png", "photo.png")
    assert expected[0] == 1
    assert run(capsys, *order.split()) == expected
    status, out, _ = run(capsys, *order.replace("sixteen", "cropped").split())
    assert status == 1
    assert "size: the photo is 71 x 50 pixels" in out
    status, _, _ = run(capsys, *order.split(), "-o", "repaired.png")
    assert status == 0
    np.testing.assert_array_equal(pixels("repaired.png"), TRIMAP)


def test_a_stated_depth(folder, capsys):
    """Twelve bits in a file of 16: examined and made as meant, and nothing is guessed."""
    levels = np.repeat(np.array([[0, 2048, 4095]], np.uint16), 12, axis=1).repeat(20, axis=0)
    Image.fromarray(levels).save("twelve.png")
    status, _, err = run(capsys, "--check", "twelve.png", "-o", "repaired.png", "--depth", "12")
    assert status == 0
    assert not any("taken for" in line for line in err)
    assert np.unique(pixels("repaired.png")).tolist() == [0, 128, 255]
    status, _, err = run(capsys, "twelve.png", "-o", "made.png", "--erode", "0", "--dilate", "0", "--depth", "12")
    assert (status, any("taken for" in line for line in err)) == (0, False)
    np.testing.assert_array_equal(pixels("made.png"), pixels("repaired.png"))
