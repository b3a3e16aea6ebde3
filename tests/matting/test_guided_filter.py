"""The guided filter: its windows and fits by brute force, cases worked by hand, edges that come back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from numpy_vitmatte.errors import ImageError
from numpy_vitmatte.matting import guided_filter
from numpy_vitmatte.matting.guided_filter import box_mean, linear_fits, upsample_alpha


def window(values, row, column, radius):
    """The pixels around one that lie inside, in a list."""
    top, left = max(row - radius, 0), max(column - radius, 0)
    inside = values[top : row + radius + 1, left : column + radius + 1]
    return inside.reshape(-1, *values.shape[2:])


def fits_by_least_squares(guide, target, radius, epsilon):
    """Every window's ridge regression as a least-squares problem of its own, then the averages, one by one."""
    height, width = target.shape
    fits = np.empty((height, width, 4))
    for row, column in np.ndindex(height, width):
        colors, alphas = window(guide, row, column, radius), window(target, row, column, radius)
        count = len(alphas)
        # The penalty epsilon |a|^2 stands inside the window's sum (He et al., equation 4): once for every pixel.
        equations = np.block([[colors, np.ones((count, 1))], [np.sqrt(count * epsilon) * np.eye(3), np.zeros((3, 1))]])
        fits[row, column] = np.linalg.lstsq(equations, np.append(alphas, np.zeros(3)), rcond=None)[0]
    averages = [window(fits, *place, radius).mean(axis=0) for place in np.ndindex(height, width)]
    return np.reshape(averages, (height, width, 4))


sides = st.integers(1, 9)
radii = st.integers(0, 4)
seeds = st.integers(0, 1000)


def test_box_mean_by_hand():
    row = np.array([[1.0, 2.0, 3.0, 6.0]])
    np.testing.assert_array_equal(box_mean(row, 1), [[1.5, 2, 11 / 3, 4.5]])
    np.testing.assert_array_equal(box_mean(row.T, 1), [[1.5], [2], [11 / 3], [4.5]])
    np.testing.assert_array_equal(box_mean(row, 0), row)
    np.testing.assert_array_equal(box_mean(row, 10), np.full((1, 4), 3.0))


@given(sides, sides, radii, seeds)
def test_box_mean_by_brute_force(height, width, radius, seed):
    values = np.random.default_rng(seed).uniform(-1, 1, (height, width, 2))
    expected = [window(values, *place, radius).mean(axis=0) for place in np.ndindex(height, width)]
    np.testing.assert_allclose(box_mean(values, radius).reshape(-1, 2), expected, rtol=0, atol=1e-14)


def test_running_sums_of_a_long_photo_keep_their_digits():
    values = np.random.default_rng(0).uniform(0, 1, (100_000, 1))
    last = values[-3:].mean()
    assert abs(box_mean(values, 2)[-1, 0] - last) < 1e-11


def test_fit_of_two_pixels_by_hand():
    """Red 0 and 1, alpha 0 and 1: variance and covariance 1/4, so a penalty of 1/4 halves the slope."""
    guide = np.array([[[0.0, 0, 0], [1.0, 0, 0]]])
    fits = linear_fits(guide, np.array([[0.0, 1.0]]), radius=1, epsilon=0.25)
    np.testing.assert_allclose(fits, [[[0.5, 0, 0, 0.25]] * 2], rtol=0, atol=1e-15)


@given(sides, sides, radii, seeds, st.sampled_from([1e-4, 1e-2, 1.0]))
def test_fits_by_brute_force(height, width, radius, seed, epsilon):
    generator = np.random.default_rng(seed)
    guide, target = generator.uniform(0, 1, (height, width, 3)), generator.uniform(0, 1, (height, width))
    np.testing.assert_allclose(
        linear_fits(guide, target, radius, epsilon),
        fits_by_least_squares(guide, target, radius, epsilon),
        rtol=0,
        atol=1e-9,
    )


def test_without_colors_the_alpha_is_averaged_and_interpolated():
    """A black photo guides nowhere: what is left are two box means and a bilinear enlargement, here Pillow's."""
    alpha = np.random.default_rng(1).uniform(0, 1, (7, 5)).astype(np.float32)
    large = upsample_alpha(alpha, np.zeros((7, 5, 3), np.uint8), np.zeros((23, 31, 3), np.uint8), radius=1)
    smooth = Image.fromarray(box_mean(box_mean(alpha.astype(np.float64), 1), 1).astype(np.float32))
    expected = np.asarray(smooth.resize((31, 23), Image.Resampling.BILINEAR))
    np.testing.assert_allclose(large, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("level", [0, 0.25, 1])
def test_constant_alpha_stays(level):
    generator = np.random.default_rng(2)
    small, photo = generator.integers(0, 256, (6, 8, 3)), generator.integers(0, 256, (13, 17, 3))
    large = upsample_alpha(np.full((6, 8), level, np.float32), small, photo)
    assert large.dtype == np.float32
    np.testing.assert_allclose(large, np.full((13, 17), level), rtol=0, atol=1e-6)


def test_an_edge_comes_back_to_the_pixel():
    """The photo's step lies inside a small pixel, whose alpha is the share that it covers: the step is found again."""
    subject, background = np.array([200, 150, 40]), np.array([20, 60, 90])
    inside = np.arange(32) >= 13
    photo = np.where(inside[:, None], subject, background)[None].repeat(32, axis=0)
    small_alpha = inside.reshape(8, 4).mean(axis=1)[None].repeat(8, axis=0)
    small_photo = small_alpha[..., None] * subject + (1 - small_alpha[..., None]) * background
    assert small_alpha[0, 3] == 0.75
    large = upsample_alpha(small_alpha, small_photo, photo, radius=8, epsilon=1e-9)
    np.testing.assert_allclose(large, np.broadcast_to(inside, (32, 32)), rtol=0, atol=1e-5)
    # Windows of radius 2 that lie in the background alone say 0 whatever the color: one of the five over small column
    # 2, which has an eighth of the interpolation at column 13.
    assert upsample_alpha(small_alpha, small_photo, photo, radius=2, epsilon=1e-9)[0, 13] == pytest.approx(1 - 1 / 40)


def test_result_stays_between_0_and_1():
    small = np.array([[[100] * 3, [110] * 3, [120] * 3]], np.uint8)
    photo = np.array([[[0] * 3, [110] * 3, [255] * 3]], np.uint8)
    large = upsample_alpha(np.array([[0, 0.5, 1]]), small, photo, epsilon=1e-6)
    np.testing.assert_allclose(large, [[0, 0.5, 1]], rtol=0, atol=1e-2)
    assert large.min() == 0
    assert large.max() == 1


@pytest.mark.parametrize("pixels", [1, 100, 331])
def test_bands_do_not_show(monkeypatch, pixels):
    generator = np.random.default_rng(3)
    job = (
        generator.uniform(0, 1, (9, 11)),
        generator.integers(0, 256, (9, 11, 3)),
        generator.uniform(0, 255, (41, 33, 3)),
    )
    whole = upsample_alpha(*job)
    monkeypatch.setattr(guided_filter, "_BAND_PIXELS", pixels)
    np.testing.assert_array_equal(upsample_alpha(*job), whole)


def test_alpha_of_another_photo():
    with pytest.raises(ImageError, match=r"small photo has shape \(4, 5, 3\), its alpha \(5, 4\); expected"):
        upsample_alpha(np.zeros((5, 4)), np.zeros((4, 5, 3)), np.zeros((8, 10, 3)))
