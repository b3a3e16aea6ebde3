"""A mask in place of a trimap, in Python; keywords that there are and are not; what a photo's profile takes."""

import numpy as np
import pytest
from PIL import Image
from support.icc_profiles import DISPLAY_P3
from support.matting_job import PHOTO, TRIMAP

from numpy_vitmatte import estimate_memory, matte, matte_with_report, matte_with_trust, trimap_from_mask
from numpy_vitmatte.errors import VitMatteError
from numpy_vitmatte.images.header import PhotoHeader, photo_header
from numpy_vitmatte.pipeline.memory import Extras, surroundings

MASK = np.where(np.arange(71)[None].repeat(50, 0) > 35, 255, 0).astype(np.uint8)


@pytest.mark.parametrize("value", [np.zeros(2), [1], "12", object()])
@pytest.mark.parametrize("name", ["processor", "raw", "depth"])
def test_values_of_another_kind(name, value):
    with pytest.raises(VitMatteError, match=f"^{name} must be .*, found a {type(value).__name__}$"):
        matte(PHOTO, TRIMAP, **{name: value})


@pytest.mark.parametrize("sides", [(None, 3), (3, 2.5), (np.zeros(2), 3), ("9" * 400, 3)])
def test_sides_of_another_kind(sides):
    with pytest.raises(VitMatteError, match="height and width are whole numbers; found"):
        estimate_memory(*sides)


def test_a_mask_makes_the_trimap(lively_checkpoint):
    """By path, array and image; the report says what was made."""
    result = matte_with_report(PHOTO, None, lively_checkpoint, mask=MASK, erode=4, dilate="10%")
    trimap = trimap_from_mask(MASK, 4, "10%")
    np.testing.assert_array_equal(result.trimap, trimap)
    np.testing.assert_array_equal(result.alpha, matte(PHOTO, trimap, lively_checkpoint))
    assert result.report.understood_as.startswith(
        "made of the mask, 4 pixels of its foreground and 5 of its background"
    )
    assert result.report.unknown == pytest.approx(np.mean(trimap == 128))


def test_the_default_widths(lively_checkpoint):
    result = matte_with_report(PHOTO, model=lively_checkpoint, mask=Image.fromarray(MASK))
    np.testing.assert_array_equal(result.trimap, trimap_from_mask(MASK))


@pytest.mark.parametrize(
    ("trimap", "options", "message"),
    [
        (None, {}, "with a trimap or with a mask; neither is given"),
        (TRIMAP, {"mask": MASK}, "with a trimap or with a mask; both are given"),
        (TRIMAP, {"erode": 3}, "erode and dilate are for a mask"),
        (None, {"mask": MASK[1:], "erode": 2}, "expected the same size"),
        (None, {"mask": MASK, "erode": -1}, "erode is -1"),
    ],
)
def test_what_cannot_be(trimap, options, message, lively_checkpoint):
    with pytest.raises(VitMatteError, match=message):
        matte(PHOTO, trimap, lively_checkpoint, **options)


def test_a_keyword_that_there_is_not(lively_checkpoint):
    """It is named; until now the functions with a report let it pass."""
    for function in (matte, matte_with_report, matte_with_trust):
        with pytest.raises(TypeError, match="there is no keyword 'max_sied'; matte takes processor, profile, raw"):
            function(PHOTO, TRIMAP, lively_checkpoint, max_sied=300)


def test_the_result_says_what_its_colors_mean(tmp_path, lively_checkpoint):
    Image.fromarray(PHOTO).save(tmp_path / "p3.png", icc_profile=DISPLAY_P3)
    result = matte_with_report(tmp_path / "p3.png", TRIMAP, lively_checkpoint)
    assert result.icc_profile == DISPLAY_P3
    np.testing.assert_array_equal(result.photo, PHOTO)
    assert matte_with_report(PHOTO, TRIMAP, lively_checkpoint).icc_profile is None


def test_a_smaller_size_and_a_second_opinion_are_of_srgb_too(tmp_path, lively_checkpoint):
    """The network never sees the photo's own levels."""
    Image.fromarray(PHOTO).save(tmp_path / "p3.png", icc_profile=DISPLAY_P3)
    for options in ({"max_side": 40}, {}):
        _, here = matte_with_trust(tmp_path / "p3.png", TRIMAP, lively_checkpoint, **options)
        _, there = matte_with_trust(PHOTO, TRIMAP, lively_checkpoint, **options)
        assert (here.disagreement != there.disagreement).any()


def test_the_plan_counts_what_profile_and_transparency_take(tmp_path):
    plain, size = PhotoHeader(1000, 2000, wide=False), (1000, 2000)
    before = surroundings(plain, size, Extras())
    for changed, bytes_per_pixel in (({"profiled": True}, 3), ({"transparent": True}, 4)):
        after = surroundings(plain._replace(**changed), size, Extras())
        assert after.held - before.held == bytes_per_pixel * 2_000_000
        assert after.elsewhere - before.elsewhere == bytes_per_pixel * 2_000_000
    Image.fromarray(PHOTO).convert("RGBA").save(tmp_path / "p3.png", icc_profile=DISPLAY_P3)
    assert photo_header(tmp_path / "p3.png") == PhotoHeader(50, 71, False, True, True)
