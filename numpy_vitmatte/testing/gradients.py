"""Checks of gradients by central differences: the definition of a derivative, with a step that is not quite zero."""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

STEP = 1e-6
"""Central differences are off by STEP^2 / 6 times the third derivative, and by the function's rounding over STEP."""


def assert_gradients(
    function: Callable[[dict[str, Array]], Array],
    gradients: Callable[[Array, dict[str, Array]], Mapping[str, Array]],
    arrays: Mapping[str, Array],
    entries: int = 5,
    seed: int = 0,
    bound: float = 1e-6,
) -> None:
    """Assert that gradients are those of a function, by central differences in some entries of every array.

    The loss is the sum of the function's result times random numbers: a plain sum would hide every error that cancels
    out in it, such as a missing mean.

    Parameters
    ----------
    function : function
        It takes float64 arrays by name and returns an array.
    gradients : function
        It takes the random numbers and those arrays; it returns an array for each name that has a gradient.
    arrays : mapping of str to float64 array
        The arguments of both; none is changed.
    entries : int
        Number of entries of each array, in addition to the one with the largest gradient.
    seed : int
        Seed of the random numbers and of the choice of entries.
    bound : float
        Largest error, as a part of the array's largest gradient. The rounding of the result, and of numbers of
        order 1 on the way to it, is added.

    Raises
    ------
    AssertionError
        If a gradient has another shape or is beyond the bound; the message names the array and the place.
    """
    generator = np.random.default_rng(seed)
    arrays = {name: array.copy() for name, array in arrays.items()}
    result = function(arrays)
    cotangent = generator.standard_normal(result.shape)
    rounding = 8 * np.finfo(np.float64).eps * np.abs(cotangent * np.maximum(np.abs(result), 1)).sum() / STEP
    for name, gradient in gradients(cotangent, arrays).items():
        array = arrays[name]
        if gradient.shape != array.shape:
            raise AssertionError(f"{name}: the gradient has shape {gradient.shape}, expected {array.shape}")
        allowed = bound * np.abs(gradient).max() + rounding
        places = {int(np.abs(gradient).argmax()), *generator.integers(array.size, size=entries).tolist()}
        for place in sorted(np.unravel_index(place, array.shape) for place in places):
            slope = _slope(lambda: (function(arrays) * cotangent).sum(), array, place)
            if not abs(gradient[place] - slope) <= allowed:
                raise AssertionError(
                    f"{name}: the gradient at {tuple(map(int, place))} is {gradient[place]:.9g}, central differences "
                    f"give {slope:.9g}; {abs(gradient[place] - slope) / allowed:.3g} times what is allowed"
                )


def _slope(loss: Callable[[], float], array: Array, place: tuple[np.intp, ...]) -> float:
    before = array[place]
    array[place] = before + STEP
    above = loss()
    array[place] = before - STEP
    below = loss()
    array[place] = before
    return (above - below) / (2 * STEP)
