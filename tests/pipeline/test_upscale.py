"""Photos that the network sees enlarged: what is exact stays exact, and what the options refuse."""

import logging

import numpy as np
import pytest
from support.matting_job import KNOWN, PHOTO, TRIMAP

from numpy_vitmatte.errors import VitMatteError
from numpy_vitmatte.matting.upscale import average_by_area, larger_photo
from numpy_vitmatte.pipeline.estimate import estimate_memory
from numpy_vitmatte.pipeline.photo_to_alpha import matte, matte_with_report
from numpy_vitmatte.teaching import hairy_picture
from numpy_vitmatte.trimaps.scaling import scale_conservatively


def test_a_factor_of_one_changes_no_bit(lively_checkpoint):
    alpha = matte(PHOTO, TRIMAP, lively_checkpoint, upscale=1)
    np.testing.assert_array_equal(alpha, matte(PHOTO, TRIMAP, lively_checkpoint))


def test_the_network_sees_the_larger_photo_and_its_alpha_is_averaged(lively_checkpoint):
    """By hand: enlarge, matte with the network's own values, average. Unknown pixels cover unknown ones only."""
    height, width = (3 * side // 2 for side in TRIMAP.shape)
    large = larger_photo(PHOTO, height, width), scale_conservatively(TRIMAP, height, width)
    by_hand = average_by_area(matte(*large, lively_checkpoint, raw=True), *TRIMAP.shape)
    raw = matte(PHOTO, TRIMAP, lively_checkpoint, upscale=1.5, raw=True)
    np.testing.assert_array_equal(raw, by_hand)
    result = matte_with_report(PHOTO, TRIMAP, lively_checkpoint, upscale=1.5)
    np.testing.assert_array_equal(result.alpha[~KNOWN], by_hand[~KNOWN])
    np.testing.assert_array_equal(result.alpha[KNOWN], TRIMAP[KNOWN] / np.float32(255))
    np.testing.assert_array_equal(result.photo, PHOTO)


def test_wide_photos_are_enlarged_without_rounding_to_levels(lively_checkpoint):
    """By hand, from an enlarged photo of floats. The bound is float32's rounding of levels, through the network."""
    height, width = (3 * side // 2 for side in TRIMAP.shape)
    large = larger_photo(PHOTO.astype(np.float64), height, width) / 255
    by_hand = matte(large, scale_conservatively(TRIMAP, height, width), lively_checkpoint, raw=True)
    wide = matte(PHOTO * np.uint16(257), TRIMAP, lively_checkpoint, upscale=1.5, raw=True)
    np.testing.assert_allclose(wide, average_by_area(by_hand, *TRIMAP.shape), rtol=0, atol=1e-4)


def test_it_is_said_at_what_size(lively_checkpoint, caplog):
    caplog.set_level(logging.INFO, "numpy_vitmatte")
    matte(PHOTO, TRIMAP, lively_checkpoint, upscale=2)
    height, width = TRIMAP.shape
    assert f"alpha: computed at {2 * width} x {2 * height} pixels, the photo enlarged, and averaged" in caplog.text


def test_smaller_and_larger_at_once(lively_checkpoint):
    expected = "max_side=64 shows the network fewer pixels than the photo has, and upscale=1.5 more; give one of them"
    for job in (
        lambda: matte(PHOTO, TRIMAP, lively_checkpoint, max_side=64, upscale=1.5),
        lambda: estimate_memory(300, 200, lively_checkpoint, max_side=64, upscale=1.5),
    ):
        with pytest.raises(VitMatteError) as caught:
            job()
        assert str(caught.value) == expected


def test_hairs_of_one_pixel_come_out_better():
    """With the bundled weights the squared error halves, or nearly; a third less is asked for."""
    errors = []
    for upscale in (None, 1.5):
        toys = [hairy_picture(seed, size=128) for seed in range(3)]
        alphas = [matte(toy.photo, toy.trimap, upscale=upscale) for toy in toys]
        errors.append(
            np.mean([((a - toy.alpha)[toy.trimap == 128] ** 2).mean() for a, toy in zip(alphas, toys, strict=True)])
        )
    assert errors[1] < 0.67 * errors[0]
