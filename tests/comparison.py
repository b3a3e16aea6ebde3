"""One comparer for all numerical tests, and the bounds that float32 arithmetic explains."""

import numpy as np

UNIT = 2.0**-24
"""Largest relative error of one float32 rounding."""


def assert_within(actual, expected, bound, name="result"):
    """Assert ``|actual - expected| <= bound`` everywhere; the message names the worst place and its share of the bound.

    ``expected`` is float64, or float32 turned into it; ``bound`` a number or an array of one per entry.
    """
    actual, expected = np.asarray(actual), np.asarray(expected, np.float64)
    assert actual.shape == expected.shape, f"{name}: shape {actual.shape}, expected {expected.shape}"
    assert np.isfinite(actual).all(), f"{name}: {np.count_nonzero(~np.isfinite(actual))} values are not finite"
    difference = np.abs(actual.astype(np.float64) - expected)
    bound = np.broadcast_to(bound, expected.shape)
    if (difference <= bound).all():
        return
    share = difference / np.maximum(bound, np.finfo(np.float64).tiny)
    worst = np.unravel_index(np.argmax(share), share.shape)
    raise AssertionError(
        f"{name}: at {tuple(map(int, worst))} found {actual[worst]:.9g}, expected {expected[worst]:.9g}; difference "
        f"{difference[worst]:.3g} is {share[worst]:.3g} times the bound {bound[worst]:.3g}; "
        f"{np.count_nonzero(difference > bound)} of {difference.size} entries are beyond it"
    )


def summation_bound(terms, magnitude):
    """Largest error of a float32 sum of ``terms`` products in any order, where ``magnitude`` is the sum of their sizes.

    Each product and each partial sum is rounded once, so a term is rounded at most ``terms + 1`` times (Higham,
    Accuracy and Stability of Numerical Algorithms, 2002, section 3.1); with the bias that is one more. What lies below
    the smallest normal number is lost outright: 1e-37 allows for that.
    """
    return (terms + 2) * UNIT * np.asarray(magnitude, np.float64) + 1e-37


def assert_float32(array, shape):
    """Assert what every layer promises of its output: float32, contiguous, of the docstring's shape."""
    assert array.dtype == np.float32
    assert array.shape == shape
    assert array.flags.c_contiguous
