"""The sRGB curve against the standard's formula written out, and against values that are in every table of it."""

import numpy as np
import pytest

from numpy_vitmatte.images.linear_light import from_light, to_light


def light_of(level):
    """IEC 61966-2-1 in Python's floats, a number at a time."""
    stored = level / 255
    return stored / 12.92 if stored <= 0.04045 else ((stored + 0.055) / 1.055) ** 2.4


def test_every_level_against_the_formula():
    levels = np.arange(256, dtype=np.uint8)
    light = to_light(levels)
    assert light.dtype == np.float32
    np.testing.assert_allclose(light, [light_of(int(level)) for level in levels], rtol=1e-6, atol=1e-9)


def test_values_of_the_tables():
    """Linear 0.18, a photographer's middle gray, is level 118; level 128 is 0.2159; the straight piece ends at 10."""
    assert float(from_light(np.float32(0.18))) == pytest.approx(117.6, abs=0.05)
    np.testing.assert_allclose(to_light(np.array([0, 10, 11, 128, 255])), [0, 0.003035, 0.003347, 0.215861, 1], 2e-4)


def test_levels_come_back():
    levels = np.arange(256, dtype=np.uint8)
    np.testing.assert_allclose(from_light(to_light(levels)), levels, rtol=0, atol=1e-3)


def test_light_beyond_black_and_white_is_clipped():
    np.testing.assert_allclose(from_light(np.array([-0.5, 1.5])), [0, 255], rtol=1e-6)
