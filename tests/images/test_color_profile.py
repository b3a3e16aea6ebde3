"""Colors by their profile: published pairs of numbers, littlecms beside our own floats, and what cannot be followed."""

import io
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms
from support.icc_profiles import (
    ADOBE_PRIMARIES,
    ADOBE_RGB,
    DISPLAY_P3,
    GRAY_18,
    P3_PRIMARIES,
    SRGB_CURVE,
    gamma_curve,
    parametric,
    print_profile,
    profile,
    rgb_profile,
    sampled_curve,
)

from numpy_vitmatte.images import color_profile
from numpy_vitmatte.images.color_profile import is_srgb, profile_name, same_space, srgb_profile, to_srgb, unusable
from numpy_vitmatte.images.icc_file import color_space, matrix_profile
from numpy_vitmatte.images.linear_light import to_light
from numpy_vitmatte.images.photo_reading import open_photo

COLORS = np.random.default_rng(8).integers(0, 256, (37, 41, 3), dtype=np.uint8)
RED, GREEN = [255, 0, 0], [0, 255, 0]


@pytest.mark.parametrize(
    ("icc", "stored", "srgb"),
    [
        (DISPLAY_P3, [234, 51, 35], RED),  # as in CSS Color 4: color(display-p3 0.9175 0.2003 0.1386) is red
        (DISPLAY_P3, [117, 251, 76], GREEN),  # color(display-p3 0.4584 0.9853 0.2983) is lime
        (ADOBE_RGB, [219, 0, 0], RED),
        (ADOBE_RGB, [144, 255, 60], GREEN),
    ],
)
@pytest.mark.parametrize("dtype", [np.uint8, np.float64])
def test_published_pairs(icc, stored, srgb, dtype):
    """Two levels: the published numbers are rounded to one, and the curves are steep near black."""
    converted = to_srgb(np.array([[stored]], dtype), icc)
    assert converted.dtype == (np.uint8 if dtype == np.uint8 else np.float32)
    light = np.abs(to_light(converted[0, 0]) - to_light(np.array(srgb)))
    assert light.max() < 0.01


@pytest.mark.parametrize(
    "icc",
    [
        DISPLAY_P3,
        ADOBE_RGB,
        rgb_profile(P3_PRIMARIES, sampled_curve([0, 9000, 30000, 65535])),
        rgb_profile(ADOBE_PRIMARIES, b"curv" + bytes(8)),
        rgb_profile(P3_PRIMARIES, parametric(0, [1.8])),
        rgb_profile(P3_PRIMARIES, parametric(1, [2.0, 1.1, -0.1])),
        rgb_profile(P3_PRIMARIES, parametric(2, [2.0, 1.1, -0.1, 0])),
        rgb_profile(P3_PRIMARIES, parametric(4, [2.4, 0.948, 0.052, 0.077, 0.04, 0, 0])),
    ],
    ids=["P3", "Adobe", "samples", "no samples", "type 0", "type 1", "type 2", "type 4"],
)
def test_our_floats_beside_littlecms(icc):
    """Littlecms rounds to a level, and its own tables of 8 bits to a little more.

    All of these map black to black: elsewhere littlecms compensates the black point, which the floats do not.
    """
    ours = matrix_profile(icc).srgb(COLORS)
    theirs = to_srgb(COLORS, icc)
    assert theirs.dtype == np.uint8
    assert np.abs(ours - theirs).max() < 1.5


@settings(max_examples=30)
@given(st.integers(0, 65535), st.integers(0, 65535), st.integers(0, 65535))
def test_sixteen_bits_stay_sixteen(red, green, blue):
    """One step of 65535 changes the light of a channel: nothing is rounded to 8 bits on the way."""
    stored = np.array([[[red, green, blue]]]) / 257.0
    gray = np.full((1, 1, 3), red / 257.0)
    curve = to_light(stored[0, 0]).astype(np.float64)
    # P3's white and curve are sRGB's; its primaries are given to five decimals, a level of 0.03 at white.
    assert np.abs(to_srgb(gray, DISPLAY_P3) - gray).max() < 0.05
    luminance = np.array(P3_PRIMARIES)[:, 1] @ curve
    light = to_light(matrix_profile(DISPLAY_P3).srgb(stored)[0, 0]).astype(np.float64)
    if light.min() > 0 and light.max() < 1:  # nothing was clipped
        assert light @ [0.22249, 0.71687, 0.06061] == pytest.approx(luminance, abs=2e-4)


def test_srgb_by_any_name_changes_nothing():
    assert is_srgb(None)
    assert is_srgb(srgb_profile())
    assert not is_srgb(DISPLAY_P3)
    assert to_srgb(COLORS, srgb_profile()) is COLORS
    assert same_space(srgb_profile(), None)
    assert same_space(ADOBE_RGB, ADOBE_RGB)
    assert not same_space(ADOBE_RGB, DISPLAY_P3)
    assert profile_name(DISPLAY_P3) == "by hand"
    assert profile_name(b"") == "an ICC profile"


@pytest.mark.parametrize(
    ("icc", "space", "why"),
    [
        (b"", "RGB", "it is damaged"),
        (DISPLAY_P3[:100], "RGB", "it is damaged"),
        (DISPLAY_P3, "CMYK", "it is for RGB pixels and the pixels are CMYK"),
        (GRAY_18, "RGB", "it is for GRAY pixels and the pixels are RGB"),
        (profile(b"RGB ", {}), "RGB", "littlecms cannot read it"),
        (DISPLAY_P3[:300], "RGB", "littlecms cannot read it"),
        (rgb_profile([(1e4, 1e4, 1e4)] * 3, gamma_curve(1)), "RGB", None),
    ],
)
def test_what_cannot_be_followed(icc, space, why):
    found = unusable(icc, space)
    assert found is None if why is None else found.startswith(why)


@given(st.data())
def test_a_damaged_profile_is_refused_or_gives_levels(data):
    """Any bytes in any place: never another error, never a level outside of 0 to 255."""
    damaged = bytearray(data.draw(st.sampled_from([DISPLAY_P3, ADOBE_RGB, GRAY_18])))
    for _ in range(data.draw(st.integers(1, 8))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    icc = bytes(damaged)
    space = color_space(icc)
    if space in ("RGB", "GRAY") and unusable(icc, space) is None:
        levels = to_srgb(np.repeat(COLORS[..., :1], 3, axis=-1) / 1.0, icc)
        assert np.isfinite(levels).all()
        assert levels.min() >= 0
        assert levels.max() <= 255


# Photos --------------------------------------------------------------------------------------------------------------


def test_lab_needs_no_profile(recwarn):
    """Its numbers are no device's: littlecms knows their colors; 8 bits of lightness round by some levels."""
    colors = np.random.default_rng(0).integers(0, 256, (9, 9, 3), dtype=np.uint8)
    spaces = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    lab = ImageCms.applyTransform(Image.fromarray(colors), ImageCms.buildTransform(*spaces, "RGB", "LAB"))
    assert np.abs(open_photo(encoded(lab, "TIFF")).levels.astype(int) - colors).mean() < 3
    assert list(recwarn) == []


def encoded(pixels, kind, **options):
    content = io.BytesIO()
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    image.save(content, kind, **options)
    return Image.open(io.BytesIO(content.getvalue()))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_a_photo_keeps_its_levels_and_its_profile(kind):
    photo = open_photo(encoded(COLORS, kind, icc_profile=DISPLAY_P3))
    assert photo.icc_profile == DISPLAY_P3
    np.testing.assert_array_equal(photo.levels, open_photo(encoded(COLORS, kind)).levels)
    assert np.abs(photo.in_srgb().astype(int) - photo.levels).max() > 20


def test_gray_with_a_profile_of_its_own_becomes_srgb():
    """Gamma 1.8: level 128 is 0.289 of the light, which sRGB stores as 146.4."""
    for pixels in (np.full((5, 6), 128, np.uint8), np.full((5, 6), 128 * 257, np.uint16)):
        photo = open_photo(encoded(pixels, "TIFF", icc_profile=GRAY_18))
        assert np.abs(photo.levels - 146.4).max() < 0.5
        assert is_srgb(photo.icc_profile)


def test_gray_with_a_profile_of_colors_keeps_it():
    photo = open_photo(encoded(COLORS[..., 0], "JPEG", icc_profile=DISPLAY_P3))
    assert photo.icc_profile == DISPLAY_P3


def test_print_colors_by_their_profile():
    """White paper; the first ink is a middle gray of L* 50, sRGB's level 119, which no formula of inks gives."""
    icc = print_profile(lambda c, m, y, k: (0 if k else 128 if c or m or y else 255, 128, 128))
    inks = np.zeros((4, 5, 4), np.uint8)
    inks[:, 2:, 0] = 255
    photo = open_photo(encoded(Image.fromarray(inks, "CMYK"), "TIFF", icc_profile=icc))
    assert np.abs(photo.levels[:, :2].astype(int) - 255).max() <= 1
    assert np.abs(photo.levels[:, 2:].astype(int) - 119).max() <= 2
    assert is_srgb(photo.icc_profile)


@pytest.mark.parametrize("icc", [GRAY_18, b"no profile", DISPLAY_P3[:300]])
def test_a_profile_that_cannot_be_followed_is_warned_of(icc):
    with pytest.warns(
        UserWarning, match="the color profile of photo is not followed: .*; its colors are taken for sRGB"
    ):
        photo = open_photo(encoded(COLORS, "PNG", icc_profile=icc))
    assert photo.icc_profile is None


# Without littlecms ---------------------------------------------------------------------------------------------------


def test_a_pillow_without_littlecms(monkeypatch):
    """Curves and matrix do without it; tables do not, and are warned of."""
    with_it = to_srgb(COLORS, DISPLAY_P3)
    monkeypatch.setattr(color_profile, "has_littlecms", lambda: False)
    color_profile._littlecms_reads.cache_clear()
    assert np.abs(to_srgb(COLORS, DISPLAY_P3).astype(int) - with_it).max() <= 1
    assert unusable(DISPLAY_P3, "RGB") is None
    assert "built without littlecms" in unusable(print_profile(lambda *inks: (255, 128, 128)), "CMYK")
    assert "built without littlecms" in unusable(profile(b"RGB ", {}), "RGB")
    color_profile._littlecms_reads.cache_clear()


def test_the_package_imports_without_littlecms():
    """Such a Pillow has the module, but not the extension behind it."""
    code = (
        "import sys; sys.modules['PIL._imagingcms'] = None\n"
        "import numpy as np\n"
        "from PIL import Image\n"
        "from numpy_vitmatte.images.color_profile import has_littlecms, profile_name, srgb_profile, to_srgb\n"
        "from support.icc_profiles import DISPLAY_P3\n"
        "assert not has_littlecms() and srgb_profile() is None and profile_name(DISPLAY_P3) == 'an ICC profile'\n"
        "print(to_srgb(np.array([[[234, 51, 35]]], np.uint8), DISPLAY_P3)[0, 0, 0])\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env={"PYTHONPATH": ".:tests"})
    assert (run.stdout, run.stderr) == ("255\n", "")


def test_the_curve_is_srgbs():
    assert SRGB_CURVE[0] == 3
    levels = np.arange(256.0)[None, :, None].repeat(3, axis=-1)
    assert np.abs(matrix_profile(DISPLAY_P3).srgb(levels) - levels).max() < 0.05
    assert ImageCms.core.littlecms_version
