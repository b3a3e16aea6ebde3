"""Budgets of whole jobs: the photo's own size, the guided filter, trust maps and pictures are inside them."""

import importlib.util
import os
import re

import numpy as np
import pytest
from PIL import Image
from support.icc_profiles import DISPLAY_P3
from support.processes import run_python

from numpy_vitmatte import (
    VitMatteError,
    VitMatteImageProcessor,
    estimate_memory,
    get_num_threads,
    matte,
    set_num_threads,
)
from numpy_vitmatte.images.header import PhotoHeader
from numpy_vitmatte.images.wide_png import write_wide_png
from numpy_vitmatte.network.memory import PHOTO_BYTES_PER_PIXEL
from numpy_vitmatte.pipeline.memory import (
    EIGHT_BIT,
    FILTER_BYTES,
    FILTER_BYTES_PER_SMALL_PIXEL,
    PYMATTING_BYTES,
    SECOND_OPINION_BYTES_PER_PIXEL,
    WANTED_BYTES_PER_PIXEL,
    WIDE,
    Extras,
    surroundings,
)
from numpy_vitmatte.pipeline.trust import matte_with_trust
from numpy_vitmatte.processing.hustvl import HustvlImageProcessor

MEGA = 1_000_000

reads_peaks = pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="the peak is read from Linux's /proc")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """A folder for each side: a square photo, in 8 and in 16 bits, and its trimap, half of it unknown."""
    root = tmp_path_factory.mktemp("memory")
    for side in (60, 500, 1800, 3000):
        folder = root / str(side)
        folder.mkdir()
        ramp = np.add.outer(np.arange(side), np.arange(side)) * 125 // side
        trimap = np.repeat(np.uint8([0, 128, 255]), [side // 4, side - 2 * (side // 4), side // 4])
        pixels = {"photo": np.dstack([ramp] * 3).astype(np.uint8), "wide": (257 * ramp).astype(np.uint16)}
        for name, array in (pixels | {"trimap": trimap[:, None].repeat(side, axis=1)}).items():
            Image.fromarray(array).save(folder / f"{name}.png", compress_level=1)
        levels = np.dstack([ramp, ramp, ramp, np.where(ramp > 125, 255, 0)])
        Image.fromarray(levels.astype(np.uint8)).save(folder / "rgba.png", compress_level=1, icc_profile=DISPLAY_P3)
        with open(folder / "wide-rgba.png", "wb") as file:
            write_wide_png(file, (257 * levels).astype(np.uint16), DISPLAY_P3)
    return root


@pytest.fixture(scope="module")
def compiled(pictures):
    """Every kernel of the jobs lies compiled on disk: one process has done them all on small pictures."""
    possible = [kind for kind in JOBS if kind != "estimated colors" or importlib.util.find_spec("pymatting")]
    run_python("-c", COMMAND, *(JOBS[kind] for kind in possible), cwd=pictures / "60")


# By hand ------------------------------------------------------------------------------------------------------------


def around(height, width, small=None, *, wide=False, **extras):
    return surroundings(PhotoHeader(height, width, wide), small or (height, width), Extras(**extras))


def test_photos_as_they_are_and_at_a_smaller_size():
    """While the network computes there are photo, trimap and alpha; reading, or the filter, may take more."""
    held = 2 * MEGA * (EIGHT_BIT.between + WANTED_BYTES_PER_PIXEL)
    assert around(1000, 2000) == (held, 2 * MEGA * EIGHT_BIT.at_peak, "2000 x 1000 pixels")
    held, elsewhere, name = around(10_000, 20_000, (100, 200))
    assert held == 200 * MEGA * EIGHT_BIT.between + 20_000 * PHOTO_BYTES_PER_PIXEL
    assert elsewhere == 200 * MEGA * EIGHT_BIT.at_peak
    assert name == "20000 x 10000 pixels, computed at 200 x 100,"
    filtered = around(1000, 2000, (500, 1000)).elsewhere
    assert filtered == 2 * MEGA * EIGHT_BIT.between + FILTER_BYTES + FILTER_BYTES_PER_SMALL_PIXEL * MEGA // 2


def test_wide_photos_trust_maps_and_outputs_take_more():
    plain = around(1000, 1000)
    assert around(1000, 1000, wide=True).held - plain.held == MEGA * (WIDE.between - EIGHT_BIT.between)
    assert around(1000, 1000, trust=True).held - plain.held == MEGA * SECOND_OPINION_BYTES_PER_PIXEL
    outputs = around(1000, 1000, output_bytes_per_pixel=90, held_bytes=PYMATTING_BYTES)
    assert outputs.elsewhere == 90 * MEGA + PYMATTING_BYTES
    assert outputs.held == plain.held + PYMATTING_BYTES


@pytest.mark.parametrize("kind", [VitMatteImageProcessor, HustvlImageProcessor])
@pytest.mark.parametrize("size", [(64, 96), (65, 96), (5, 7)])
@pytest.mark.parametrize("pad", [True, False])
def test_padded_size_is_the_size_of_what_is_made(kind, size, pad):
    processor = kind(do_pad=pad)
    made = processor(np.zeros((*size, 3), np.uint8), np.full(size, 128, np.uint8))["pixel_values"]
    assert processor.padded_size(*size) == made.shape[2:]


# Refused ------------------------------------------------------------------------------------------------------------


def least_of(call):
    with pytest.raises(VitMatteError) as refused:
        call()
    return int(re.search(r"takes (\d+)MB of memory at least", str(refused.value))[1])


def test_refused_before_a_pixel_is_decoded(tmp_path):
    """Of this file there is only the head; the size is that of the upright photo."""
    exif = Image.Exif()
    exif[274] = 6
    Image.new("RGB", (3000, 2000)).save(tmp_path / "whole.jpg", exif=exif)
    (tmp_path / "photo.jpg").write_bytes((tmp_path / "whole.jpg").read_bytes()[:700])
    with pytest.raises(VitMatteError, match="a photo of 2000 x 3000 pixels, computed at 67 x 100, takes"):
        matte(tmp_path / "photo.jpg", np.zeros((1, 1), np.uint8), max_memory="100MB", max_side=100)


def test_what_cannot_be_read_is_refused_for_that(tmp_path):
    """Also with a limit that no photo keeps to."""
    (tmp_path / "photo.jpg").write_bytes(b"no image")
    for limit in (1, "1GB"):
        with pytest.raises(VitMatteError, match="is not an image"):
            matte_with_trust(tmp_path / "photo.jpg", np.zeros((5, 5), np.uint8), max_memory=limit)
    for empty in (np.zeros((0, 5, 3), np.uint8), Image.new("RGB", (0, 5))):
        with pytest.raises(VitMatteError, match="at least one"):
            matte(empty, np.zeros((5, 5), np.uint8), max_memory=1)


def test_an_orientation_behind_the_pixels_is_planned_for(tmp_path, lively_checkpoint):
    """A PNG may store it there, where only decoding finds it; the alpha is that of the upright photo."""
    pixels = np.random.default_rng(0).integers(0, 256, (40, 70, 3), dtype=np.uint8)
    exif = Image.Exif()
    exif[274] = 6
    Image.fromarray(pixels).save(tmp_path / "photo.png", exif=exif)
    content = (tmp_path / "photo.png").read_bytes()
    start = content.index(b"eXIf") - 4
    end = start + 12 + int.from_bytes(content[start : start + 4], "big")
    behind = content.index(b"IEND") - 4
    (tmp_path / "photo.png").write_bytes(content[:start] + content[end:behind] + content[start:end] + content[behind:])
    trimap = np.full((70, 40), 128, np.uint8)
    alpha = matte(tmp_path / "photo.png", trimap, lively_checkpoint, max_memory="2GB", max_side=60)
    np.testing.assert_array_equal(alpha, matte(np.rot90(pixels, -1), trimap, lively_checkpoint, max_side=60))


def test_the_profile_decides_the_padding(lively_checkpoint):
    """The authors pad 1024 x 1025 to 1056 x 1056, the checkpoint's file to 1024 x 1056."""
    hf, hustvl = (estimate_memory(1024, 1025, lively_checkpoint, profile=profile) for profile in ("hf", "hustvl"))
    assert hustvl > hf
    assert estimate_memory(1024, 1024, lively_checkpoint, profile="hustvl") == estimate_memory(
        1024, 1024, lively_checkpoint
    )
    photo, trimap = np.zeros((1024, 1025, 3), np.uint8), np.full((1024, 1025), 128, np.uint8)
    least = least_of(lambda: matte(photo, trimap, lively_checkpoint, profile="hustvl", max_memory=1))
    assert least == least_of(lambda: estimate_memory(1024, 1025, lively_checkpoint, 1, profile="hustvl"))


@pytest.mark.parametrize("threads", [1, 8])
def test_the_least_that_is_named_is_enough(threads):
    """With a trust map too; and estimate_memory names the same. One thread takes less than packing the weights does."""
    set_num_threads(threads)
    photo, trimap = np.zeros((300, 200, 3), np.uint8), np.full((300, 200), 128, np.uint8)
    for job, trust in ((matte, False), (matte_with_trust, True)):
        for max_side in (None, 100):
            least = least_of(lambda job=job, side=max_side: job(photo, trimap, max_side=side, max_memory="60MB"))
            assert least == least_of(
                lambda side=max_side, trust=trust: estimate_memory(300, 200, max_memory=1, max_side=side, trust=trust)
            )
            job(photo, trimap, max_side=max_side, max_memory=f"{least}MB")
            with pytest.raises(VitMatteError, match=f"takes {least}MB"):
                job(photo, trimap, max_side=max_side, max_memory=f"{least - 1}MB")


# What processes take ------------------------------------------------------------------------------------------------

COMMAND = """
import contextlib, io, re, sys
from numpy_vitmatte.cli import main
for words in sys.argv[1:]:
    job = ["matte", *words.split(), "--force", "--quiet"]
    said = io.StringIO()
    with contextlib.redirect_stderr(said):
        assert main([*job, "--max-memory", "1MB"]) == 2
    least = re.search(r"takes (\\d+)MB", said.getvalue())[1]
    with contextlib.redirect_stdout(io.StringIO()):
        assert main([*job, "--max-memory", f"{least}MB"]) == 0
peak = 1024 * int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1])
print(least, peak)
"""

JOBS = {
    "smaller size": "photo.png trimap.png -o a.png --max-side 512",
    "16 bits at a smaller size": "wide.png trimap.png -o a.npy --max-side 64",
    "larger size": "photo.png trimap.png -o a.png --upscale 2",
    "16 bits at a larger size": "wide.png trimap.png -o a.npy --upscale 1.5",
    "trust map": "photo.png trimap.png -o a.png --trust b.png --max-side 64",
    "trust map of 16 bits": "wide.png trimap.png --trust b.png --max-side 64",
    "composite": "photo.png trimap.png --composite a.png --background photo.png --colors photo --max-side 64",
    "profile and transparency": "rgba.png trimap.png --cutout a.png --colors photo --max-side 64",
    "16 bits, profile and transparency": (
        "wide-rgba.png trimap.png -o a.png --cutout b.tif --bits 16 --colors photo --max-side 64"
    ),
    "estimated colors": "photo.png trimap.png --cutout a.png --max-side 64",
}


@pytest.mark.compiled
@reads_peaks
@pytest.mark.parametrize(
    "kind", [*JOBS][:-1] + [pytest.param("estimated colors", marks=pytest.mark.extras("pymatting"))]
)
def test_the_least_budget_is_kept_and_not_wasted(pictures, compiled, kind):
    """A process of its own, refused once, then run with the least: below it, and not by half."""
    # pymatting takes its time, and so does the network where it sees the photo enlarged.
    folder = pictures / ("1800" if kind == "estimated colors" else "500" if "larger" in kind else "3000")
    threads = {"NUMPY_VITMATTE_NUM_THREADS": str(get_num_threads())}
    least, peak = map(int, run_python("-c", COMMAND, JOBS[kind], cwd=folder, **threads).split())
    assert least * MEGA / 2 < peak <= least * MEGA
