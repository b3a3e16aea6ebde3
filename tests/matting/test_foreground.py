"""Estimated colors: those of a made photo come back, both sides explain it, old backgrounds leave no rim."""

import sys

import numpy as np
import pytest

from numpy_vitmatte.errors import ImageError, VitMatteError
from numpy_vitmatte.matting.composite import composite, cutout
from numpy_vitmatte.matting.foreground import estimate_colors, estimate_foreground, require_pymatting

needs_pymatting = pytest.mark.extras("pymatting")
ORANGE, BLUE, GREEN = (240, 120, 20), (20, 60, 200), (30, 160, 60)


def soft_disc(size=96):
    """Alpha of a disc whose border is 16 pixels wide."""
    rows, columns = np.mgrid[:size, :size]
    distance = np.hypot(rows - size / 2, columns - size / 2)
    return np.clip((40 - distance) / 16, 0, 1).astype(np.float32)


@needs_pymatting
@pytest.mark.parametrize("linear", [False, True])
def test_colors_of_a_made_photo_come_back(linear):
    """An orange disc before blue: its half-transparent rim is blue-brown in the photo and orange in the estimate."""
    alpha = soft_disc()
    photo = composite(np.broadcast_to(np.uint8(ORANGE), (96, 96, 3)), alpha, BLUE, linear=linear)
    foreground, background = estimate_colors(photo, alpha, linear=linear)
    assert foreground.dtype == background.dtype == np.float32
    rim = (alpha > 0.2) & (alpha < 0.8)
    assert np.abs(photo[rim].astype(float) - ORANGE).max() > 100
    assert np.abs(foreground[rim] - ORANGE).max() < 12
    assert np.abs(background[rim] - BLUE).max() < 12


@needs_pymatting
@pytest.mark.parametrize("linear", [False, True])
def test_a_new_background_leaves_no_rim_of_the_old_one(linear):
    alpha = soft_disc()
    solid = np.broadcast_to(np.uint8(ORANGE), (96, 96, 3))
    photo = composite(solid, alpha, BLUE, linear=linear)
    expected = composite(solid, alpha, GREEN, linear=linear).astype(float)
    estimated = composite(estimate_foreground(photo, alpha, linear=linear), alpha, GREEN, linear=linear)
    with_photo = composite(photo, alpha, GREEN, linear=linear)
    assert np.abs(estimated - expected).max() < 6
    assert np.abs(with_photo - expected).max() > 25


@needs_pymatting
@pytest.mark.parametrize("linear", [False, True])
def test_both_sides_together_give_the_photo_again(linear):
    """The photo is nearly alpha F + (1 - alpha) B, on a photo with texture on both sides and noise."""
    rng = np.random.default_rng(5)
    alpha = soft_disc()
    waves = np.sin(np.arange(96) / 7)[:, None, None] * 30
    front, back = np.clip(ORANGE + waves, 0, 255), np.clip(BLUE - waves.transpose(1, 0, 2), 0, 255)
    front, back = np.broadcast_to(front, (96, 96, 3)), np.broadcast_to(back, (96, 96, 3))
    photo = np.clip(composite(front, alpha, back, linear=linear) + rng.normal(0, 2, (96, 96, 3)), 0, 255)
    foreground, background = estimate_colors(photo, alpha, linear=linear)
    again = composite(foreground, alpha, background, linear=linear)
    difference = np.abs(again - photo)
    assert difference.mean() < 1
    assert difference.max() < 20
    np.testing.assert_array_equal(foreground[alpha == 1], photo[alpha == 1].astype(np.float32))
    np.testing.assert_array_equal(background[alpha == 0], photo[alpha == 0].astype(np.float32))


@needs_pymatting
def test_cutout_carries_no_old_background_under_its_transparency():
    """Scaling a cut-out mixes colors of transparent pixels in; there the estimate goes on with the subject's."""
    alpha = soft_disc()
    photo = composite(np.broadcast_to(np.uint8(ORANGE), (96, 96, 3)), alpha, BLUE)
    straight = cutout(estimate_foreground(photo, alpha), alpha)
    transparent = straight[straight[..., 3] == 0][:, :3].astype(float)
    assert len(transparent) > 1000
    assert np.abs(transparent - ORANGE).max() < 40
    np.testing.assert_array_equal(straight[alpha == 1][:, :3], photo[alpha == 1])


@needs_pymatting
@pytest.mark.parametrize("value", [0, 1])
@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (40, 3)])
def test_nothing_half_transparent(shape, value):
    photo = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    foreground, background = estimate_colors(photo, np.full(shape, value, np.float32))
    np.testing.assert_array_equal(foreground if value else background, photo)
    assert np.isfinite([foreground, background]).all()


def test_errors(monkeypatch):
    photo = np.zeros((4, 5, 3), np.uint8)
    with pytest.raises(ImageError, match=r"photo has shape \(4, 5, 3\), alpha or trimap \(4, 4\)"):
        estimate_foreground(photo, np.ones((4, 4), np.float32))
    monkeypatch.setitem(sys.modules, "pymatting", None)  # importing it fails now
    with pytest.raises(VitMatteError, match=r"needs pymatting: pip install 'numpy-vitmatte\[foreground\]', or take"):
        require_pymatting()
    with pytest.raises(VitMatteError, match="needs pymatting"):
        estimate_foreground(photo, np.ones((4, 5), np.float32))
