"""Assertions for numerical tests, and the bounds that float32 arithmetic explains."""

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

UNIT = 2.0**-24
"""Largest relative error of one float32 rounding."""


def assert_within(actual: ArrayLike, expected: ArrayLike, bound: ArrayLike, name: str = "result") -> None:
    """Assert ``|actual - expected| <= bound`` everywhere.

    Parameters
    ----------
    actual, expected : array
        Arrays of one shape. Give ``expected`` in float64 where you have it.
    bound : number or array
        One bound for all entries, or an array that broadcasts to one per entry.
    name : str
        Name of the array in the message.

    Raises
    ------
    AssertionError
        If the shapes differ, a value is not finite, or entries are beyond the bound. The message names the worst place:
        the entry whose difference is the largest multiple of its bound.
    """
    actual, expected = np.asarray(actual), np.asarray(expected, np.float64)
    if actual.shape != expected.shape:
        raise AssertionError(f"{name}: shape {actual.shape}, expected {expected.shape}")
    if not np.isfinite(actual).all():
        raise AssertionError(f"{name}: {np.count_nonzero(~np.isfinite(actual))} values are not finite")
    difference = np.abs(actual.astype(np.float64) - expected)
    bound = np.broadcast_to(np.asarray(bound, np.float64), expected.shape)
    if (difference <= bound).all():
        return
    share = difference / np.maximum(bound, np.finfo(np.float64).tiny)
    worst = np.unravel_index(np.argmax(share), share.shape)
    raise AssertionError(
        f"{name}: at {tuple(map(int, worst))} found {actual[worst]:.9g}, expected {expected[worst]:.9g}; difference "
        f"{difference[worst]:.3g} is {share[worst]:.3g} times the bound {bound[worst]:.3g}; "
        f"{np.count_nonzero(difference > bound)} of {difference.size} entries are beyond it"
    )


def assert_layers_close(
    actual: Mapping[str, ArrayLike],
    expected: Mapping[str, ArrayLike],
    tolerance: float = 1e-4,
    absolute: Mapping[str, float] | None = None,
) -> None:
    """Assert that two implementations agree in every named layer; the first that differs holds the bug.

    Parameters
    ----------
    actual : mapping of str to array
        Names that ``expected`` lacks are ignored.
    expected : mapping of str to array
        Layers are compared in its order: give it in the order of the network.
    tolerance : float
        Largest difference, as a share of the root mean square of the layer's expected values.
    absolute : mapping of str to float, optional
        Largest difference itself, for patterns of names such as ``"*.probabilities"``; the first that fits counts.

    Raises
    ------
    AssertionError
        If layers differ, as in :func:`assert_within`, or one is missing; the message names the first such layer.
    """
    patterns = absolute or {}
    for name, value in expected.items():
        if name not in actual:
            raise AssertionError(f"{name} is missing; found {', '.join(actual) or 'nothing'}")
        exact = np.asarray(value, np.float64)
        size = np.sqrt(np.mean(exact**2))
        bound = next((patterns[pattern] for pattern in patterns if fnmatchcase(name, pattern)), tolerance * size)
        assert_within(actual[name], exact, bound, name)


def summation_bound(terms: int, magnitude: ArrayLike) -> NDArray[np.float64]:
    """Return the largest error of a float32 sum of ``terms`` products in any order.

    Each product and each partial sum is rounded once, so a term is rounded at most ``terms + 1`` times (Higham,
    Accuracy and Stability of Numerical Algorithms, 2002, section 3.1); the bias adds one. A number below the smallest
    normal one is lost outright: 1e-37 allows for that.

    Parameters
    ----------
    terms : int
    magnitude : number or array
        The sum of the products' absolute values.

    Returns
    -------
    float64 array
    """
    return (terms + 2) * UNIT * np.asarray(magnitude, np.float64) + 1e-37


def assert_float32(array: NDArray[Any], shape: tuple[int, ...]) -> None:
    """Assert the promise of every layer of this package: a float32, contiguous array of the documented shape."""
    if array.dtype != np.float32:
        raise AssertionError(f"type {array.dtype}, expected float32")
    if array.shape != shape:
        raise AssertionError(f"shape {array.shape}, expected {shape}")
    if not array.flags.c_contiguous:
        raise AssertionError("the array is not contiguous")
