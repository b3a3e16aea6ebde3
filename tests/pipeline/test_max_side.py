"""Big photos at a smaller size: what is exact stays exact, and how far the rest is from the full result."""

import logging

import numpy as np
import pytest
from PIL import Image
from support.matting_job import KNOWN, PHOTO, TRIMAP

from numpy_vitmatte.cli.demo import bundled_photo
from numpy_vitmatte.errors import VitMatteError
from numpy_vitmatte.matting.downscale import smaller_photo
from numpy_vitmatte.matting.guided_filter import upsample_alpha
from numpy_vitmatte.pipeline import job
from numpy_vitmatte.pipeline.photo_to_alpha import matte, matte_with_report
from numpy_vitmatte.trimaps.scaling import downscale_by_blocks, scale_conservatively


@pytest.mark.parametrize("max_side", [71, 72, 5000, None])
def test_photos_that_are_small_enough_are_computed_as_they_are(lively_checkpoint, max_side):
    alpha = matte(PHOTO, TRIMAP, lively_checkpoint, max_side=max_side)
    np.testing.assert_array_equal(alpha, matte(PHOTO, TRIMAP, lively_checkpoint))


def test_known_pixels_stay_exact_at_a_smaller_size(lively_checkpoint):
    result = matte_with_report(PHOTO, TRIMAP, lively_checkpoint, max_side=32)
    assert result.alpha.shape == TRIMAP.shape
    assert result.alpha.dtype == np.float32
    np.testing.assert_array_equal(result.alpha[KNOWN], TRIMAP[KNOWN] / np.float32(255))
    np.testing.assert_array_equal(result.photo, PHOTO)
    np.testing.assert_array_equal(result.trimap, TRIMAP)
    assert result.alpha[~KNOWN].std() > 0.01


def test_the_network_sees_the_smaller_photo_alone(lively_checkpoint, monkeypatch):
    seen = []

    def estimate(_, inputs, everywhere):
        seen.append((inputs.photo.levels, inputs.trimap))
        assert everywhere
        return np.full(inputs.trimap.shape, 0.75, np.float32), np.ones((32, 64), bool)

    monkeypatch.setattr(job, "_network_alpha", estimate)
    raw = matte(PHOTO, TRIMAP, lively_checkpoint, max_side=40, raw=True)
    np.testing.assert_array_equal(seen[0][0], smaller_photo(PHOTO, 28, 40))
    np.testing.assert_array_equal(seen[0][1], downscale_by_blocks(TRIMAP, 28, 40))
    np.testing.assert_allclose(raw, np.full(TRIMAP.shape, 0.75), rtol=0, atol=1e-6)
    assert len(seen) == 1


def test_it_is_said_that_this_is_an_approximation(lively_checkpoint, caplog):
    caplog.set_level(logging.INFO, "numpy_vitmatte")
    matte(PHOTO, TRIMAP, lively_checkpoint)
    assert "approximation" not in caplog.text
    matte(PHOTO, TRIMAP, lively_checkpoint, max_side=40)
    assert "alpha: computed at 40 x 28 pixels and upsampled, an approximation" in caplog.text


def test_nothing_unknown_needs_no_network_at_any_size(lively_checkpoint, monkeypatch):
    monkeypatch.delattr(job, "_network_alpha")
    alpha = matte(PHOTO, TRIMAP > 0, lively_checkpoint, max_side=32)
    np.testing.assert_array_equal(alpha, (TRIMAP > 0).astype(np.float32))


@pytest.mark.parametrize("max_side", [0, 31, 2.5])
def test_sides_that_are_none(max_side):
    with pytest.raises(VitMatteError, match=f"max_side is {max_side!r}; expected a whole number of pixels, 32 or more"):
        matte(PHOTO, TRIMAP, "never loaded", max_side=max_side)


def test_a_photo_of_many_pixels(lively_checkpoint):
    """Nine megapixels, in bands, with a trimap whose unknown pixels are 1 in 700."""
    photo = np.random.default_rng(0).integers(0, 256, (2250, 4000, 3), dtype=np.uint8)
    trimap = np.full(photo.shape[:2], 255, np.uint8)
    trimap[:, :1500] = 0
    trimap[700:800, 1450:1550] = 128
    alpha = matte(photo, trimap, lively_checkpoint, max_side=64)
    known = trimap != 128
    np.testing.assert_array_equal(alpha[known], trimap[known] / np.float32(255))
    assert alpha.min() >= 0
    assert alpha.max() <= 1


def test_demo_photo_against_the_full_result():
    """At half the side the guided filter is nearer to the full result than enlarging the small alpha, and not exact."""
    photo, trimap_path = bundled_photo()
    full = matte_with_report(photo, trimap_path)
    trimap, height, width = full.trimap, *full.trimap.shape
    guided = matte(photo, trimap_path, max_side=width // 2)
    small = matte(
        smaller_photo(full.photo, height // 2, width // 2), downscale_by_blocks(trimap, height // 2, width // 2)
    )
    enlarged = np.asarray(Image.fromarray(small).resize((width, height), Image.Resampling.BILINEAR))
    unknown = trimap == 128
    error, plain_error = (np.abs(alpha - full.alpha)[unknown].mean() for alpha in (guided, enlarged))
    assert 0 < error < plain_error < 0.2
    assert (guided == full.alpha)[~unknown].all()


def test_blocks_are_nearer_to_the_full_result_than_the_stricter_rule():
    """On the demo photo, at sizes that do not divide its own: why max_side scales trimaps by blocks."""
    full = matte_with_report(*bundled_photo())
    for side in (150, 300, 400):
        small = smaller_photo(full.photo, side, side)
        blocks, strict = (
            upsample_alpha(matte(small, scale(full.trimap, side, side)), small, full.photo)
            for scale in (downscale_by_blocks, scale_conservatively)
        )
        blocks_error, strict_error = (
            np.mean((alpha - full.alpha)[full.trimap == 128] ** 2) for alpha in (blocks, strict)
        )
        assert blocks_error < strict_error
        np.testing.assert_array_equal(matte(full.photo, full.trimap, max_side=side)[full.trimap == 128],
                                      blocks[full.trimap == 128])  # fmt: skip
