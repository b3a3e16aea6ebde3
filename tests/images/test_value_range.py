"""What numbers mean, in: by hand; and out again: rounded."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numpy_vitmatte.images.value_range import to_integers, to_levels


@pytest.mark.parametrize(
    ("values", "levels", "understood_as"),
    [
        (np.array([False, True]), [0, 255], "booleans"),
        (np.array([0.0, 0.2, 1.0]), [0, 51, 255], "floats in [0, 1]"),
        (np.array([0.0, 2.0]), [0, 2], "values 0 to 255"),
        (np.array([0, 1]), [0, 1], "values 0 to 255"),
        (np.array([7, 255], np.int16), [7, 255], "values 0 to 255"),
        (np.array([257, 65535]), [1, 255], "16-bit values"),
    ],
)
def test_scale_is_read_from_the_largest_value(values, levels, understood_as):
    found, said = to_levels(values, "photo")
    np.testing.assert_allclose(found, levels)
    assert said == understood_as


@pytest.mark.parametrize(
    ("value", "eight", "sixteen"),
    [
        (0.0, 0, 0),
        (1.0, 255, 65535),
        (0.9999, 255, 65528),
        (0.00196, 0, 128),
        (0.00197, 1, 129),
        (-0.1, 0, 0),
        (1.1, 255, 65535),
    ],
)
def test_integers_are_rounded(value, eight, sixteen):
    """Multiplying by 255 and casting, as rembg does, would give 254 for 0.9999."""
    assert to_integers(np.array([value], np.float32)).tolist() == [eight]
    assert to_integers(np.array([value], np.float32), bits=16).tolist() == [sixteen]


@given(level=st.integers(0, 255))
def test_every_level_survives_the_way_to_float_and_back(level):
    unit = np.array([level / 255], np.float32)
    assert to_integers(unit).tolist() == [level]
    assert to_integers(unit, bits=16).tolist() == [level * 257]
