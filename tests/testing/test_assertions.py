"""The assertions fail where they should, and say where."""

import numpy as np
import pytest

from numpy_vitmatte.testing import UNIT, assert_float32, assert_layers_close, assert_within, summation_bound


def test_within():
    assert_within([1.0, 2.0], [1.5, 2.0], 0.5)
    assert_within([[1.0], [2.0]], [[1.5], [2.0]], [[0.5], [0]])


@pytest.mark.parametrize(
    ("actual", "expected", "bound", "message"),
    [
        ([1.0, 2.0], [1.0], 1, r"^x: shape \(2,\), expected \(1,\)$"),
        ([1.0, np.nan], [1.0, 2.0], np.inf, "^x: 1 values are not finite$"),
        (
            [[0.0, 1.0], [4.0, 3.0]],
            [[0.0, 1.5], [2.0, 3.0]],
            0.25,
            r"^x: at \(1, 0\) found 4, expected 2; difference 2 is 8 times the bound 0.25; 2 of 4 entries are beyond",
        ),
        ([1.0, 2.0], [1.5, 2.5], [1.0, 0.25], r"at \(1,\) found 2, expected 2.5; .* 1 of 2 entries"),
        ([1e-30], [0.0], 0, "difference 1e-30 is"),
    ],
)
def test_beyond_the_bound(actual, expected, bound, message):
    with pytest.raises(AssertionError, match=message):
        assert_within(actual, expected, bound, "x")


LAYERS = {"b": [3.0, -4.0], "a": [1.0, 1.0]}  # of size sqrt(12.5) = 3.54 and 1


def test_layers_close():
    assert_layers_close({"a": [1.0, 1.00009], "b": [3.0003, -4.0], "more": [0]}, LAYERS)
    assert_layers_close({"a": [1.0, 1.05], "b": [3.0, -4.0]}, LAYERS, absolute={"[a-z]": 0.1})


@pytest.mark.parametrize(
    ("actual", "options", "message"),
    [
        ({"a": [1, 1], "b": [3.001, -4]}, {}, r"^b: at \(0,\) found 3.001"),
        ({"a": [2, 1], "b": [3.001, -4]}, {}, "^b: "),
        ({"a": [1.001, 1], "b": [3, -4]}, {}, "^a: "),
        ({"a": [1.001, 1], "b": [3, -4]}, {"tolerance": 1e-3 - 1e-6}, "^a: "),
        ({"a": [1.05, 1], "b": [3, -4]}, {"absolute": {"a": 0.04, "*": 1}}, "the bound 0.04"),
        ({"a": [1, 1]}, {}, "^b is missing; found a$"),
        ({}, {}, "^b is missing; found nothing$"),
    ],
)
def test_the_first_layer_that_differs(actual, options, message):
    with pytest.raises(AssertionError, match=message):
        assert_layers_close(actual, LAYERS, **options)


def test_summation_bound():
    """Two roundings more than terms; and it holds for a sum that loses as much as it can."""
    assert summation_bound(3, 2.0) == pytest.approx(10 * UNIT)
    terms = np.array([1, UNIT, UNIT, UNIT], np.float32)  # each small one is lost: 1 + 2**-24 is rounded to 1
    total = np.float32(0)
    for term in terms:
        total += term
    lost = abs(float(total) - terms.astype(np.float64).sum())
    assert 0 < lost <= summation_bound(4, 1.0)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((2, 3)), "type float64, expected float32"),
        (np.zeros((3, 2), np.float32), r"shape \(3, 2\), expected \(2, 3\)"),
        (np.zeros((3, 2), np.float32).T, "not contiguous"),
    ],
)
def test_float32(array, message):
    assert_float32(np.zeros((2, 3), np.float32), (2, 3))
    with pytest.raises(AssertionError, match=message):
        assert_float32(array, (2, 3))
