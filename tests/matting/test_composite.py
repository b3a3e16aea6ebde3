"""Cut-outs and composites: a few pixels by hand, and the properties of the compositing equation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numpy_vitmatte.errors import ImageError
from numpy_vitmatte.matting.composite import composite, cutout, side_by_side

PHOTO = np.array([[[200, 100, 0], [10, 20, 30]]], np.uint8)


@pytest.mark.parametrize("made", [cutout, lambda photo, alpha: composite(photo, alpha, [0, 0, 0])])
@pytest.mark.parametrize("value", [None, "photo.png", [[1]]])
def test_what_is_no_array(made, value):
    for arguments in ((value, np.ones((2, 2))), (np.zeros((2, 2, 3)), value)):
        with pytest.raises(ImageError, match=f"expected arrays, found a {type(value).__name__}"):
            made(*arguments)
    with pytest.raises(ImageError, match=r"background is a .*; expected three numbers or an array"):
        composite(np.zeros((2, 2, 3)), np.ones((2, 2)), "beach.jpg")


def test_composite_by_hand():
    result = composite(PHOTO, np.array([[0.25, 1.0]], np.float32), (0, 100, 200))
    assert result.dtype == np.uint8
    assert result.tolist() == [[[50, 100, 150], [10, 20, 30]]]


def test_cutout_keeps_the_colors_and_rounds_the_alpha():
    """0.5 * 255 = 127.5 and 0.999 * 255 = 254.7 are rounded, not truncated."""
    result = cutout(PHOTO, np.array([[0.502, 0.999]], np.float32))
    assert result.tolist() == [[[200, 100, 0, 128], [10, 20, 30, 255]]]
    assert cutout(PHOTO + np.float64(0.4), np.ones((1, 2))).tolist() == [[[200, 100, 0, 255], [10, 20, 30, 255]]]


@given(seed=st.integers(0, 99))
def test_alpha_zero_and_one_choose_and_equal_pictures_do_not_mix(seed):
    rng = np.random.default_rng(seed)
    photo, other = rng.integers(0, 256, (2, 5, 7, 3), dtype=np.uint8)
    alpha = rng.random((5, 7), np.float32)
    np.testing.assert_array_equal(composite(photo, np.ones((5, 7)), other), photo)
    np.testing.assert_array_equal(composite(photo, np.zeros((5, 7)), other), other)
    np.testing.assert_array_equal(composite(photo, alpha, photo), photo)
    between = composite(photo, alpha, other)
    assert (between >= np.minimum(photo, other)).all()
    assert (between <= np.maximum(photo, other)).all()


def test_composite_in_linear_light_by_hand():
    """Half of white's light over black is stored as 188 (187.5), half of level 55's (0.0382) over black as 37."""
    foreground = np.array([[[255, 55, 0]]], np.uint8)
    half = np.array([[0.5]], np.float32)
    assert composite(foreground, half, (0, 0, 255), linear=True).tolist() == [[[188, 38, 188]]]
    assert composite(foreground, half, (0, 0, 255)).tolist() == [[[128, 28, 128]]]


@given(seed=st.integers(0, 99))
def test_blending_light_chooses_at_zero_and_one_and_is_brighter_between(seed):
    """The curve from light to levels is concave: a mixture of light is stored higher than the mixture of levels."""
    rng = np.random.default_rng(seed)
    photo, other = rng.integers(0, 256, (2, 5, 7, 3), dtype=np.uint8)
    np.testing.assert_array_equal(composite(photo, np.ones((5, 7)), other, linear=True), photo)
    np.testing.assert_array_equal(composite(photo, np.zeros((5, 7)), other, linear=True), other)
    alpha = rng.random((5, 7), np.float32)
    np.testing.assert_array_equal(composite(photo, alpha, photo, linear=True), photo)
    assert (composite(photo, alpha, other, linear=True) >= composite(photo, alpha, other)).all()


def test_side_by_side_shows_all_four():
    trimap, alpha = np.array([[128, 255]], np.uint8), np.array([[0.0, 1.0]], np.float32)
    picture = side_by_side(PHOTO, trimap, alpha)
    assert picture.shape == (1, 4 * 2 + 3 * 8, 3)
    np.testing.assert_array_equal(picture[:, :2], PHOTO)
    assert picture[0, 10:12, 0].tolist() == [128, 255]
    assert picture[0, 20:22, 0].tolist() == [0, 255]
    assert picture[0, 30:].tolist() == [[153, 153, 153], [10, 20, 30]]


def test_sizes_that_differ():
    alpha = np.ones((2, 2), np.float32)
    for make in (lambda: cutout(PHOTO, alpha), lambda: composite(PHOTO, alpha, (0, 0, 0))):
        with pytest.raises(ImageError, match="expected"):
            make()
    with pytest.raises(ImageError, match="background has shape"):
        composite(PHOTO, np.ones((1, 2)), np.zeros((2, 2, 3)))


@pytest.mark.parametrize("dtype", [np.uint8, np.float64])
@pytest.mark.parametrize("bits", [8, 16])
def test_what_alpha_hides_wholly_is_blanked(dtype, bits):
    """A photo's own colors; estimated ones, float32, are the subject's and stay. 0.001 is nothing in 8 bits."""
    colors, alpha = np.full((1, 3, 3), 200, dtype), np.array([[0, 0.001, 1]])
    seen = cutout(colors, alpha, bits)[0, :, 0] // (1 if bits == 8 else 257)
    assert seen.tolist() == ([0, 0, 200] if bits == 8 else [0, 200, 200])
    kept = cutout(colors.astype(np.float32), alpha, bits)[0, :, 0] // (1 if bits == 8 else 257)
    assert kept.tolist() == [200, 200, 200]
    assert (cutout(colors, alpha, bits, blank=False)[..., 0] > 0).all()
