"""Products of rounded factors, for any code that multiplies by ``x @ w``: a factor says how.

Python asks the factor of the more special class first. So an array of the class ``Rounded`` rounds itself and what it
is multiplied with, and the code, such as ``reference.py``, need not know of it.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from numpy_vitmatte.kernels.bfloat16 import split, to_float32
from numpy_vitmatte.kernels.square_tile import PARTS_MULTIPLIED


class Rounded(np.ndarray):
    """A factor of products, which are computed by :func:`rounded_product`.

    Attributes
    ----------
    parts : int
        The bfloat16 numbers that stand for each number, of this factor and of the other.
    gain : float array or float
        What the factor is multiplied by before it is rounded, and the product is divided by afterwards: a number for
        each row of a first factor, or for each column of a second one.
    """

    parts: int
    gain: Any

    def __array_finalize__(self, source: Any) -> None:
        """Views, and what is computed number by number, are factors of the same kind."""
        self.parts, self.gain = getattr(source, "parts", 0), getattr(source, "gain", 1.0)

    def __matmul__(self, w: Any) -> Any:
        """Multiply this by ``w``."""
        return rounded_product(np.matmul, self, w)

    def __rmatmul__(self, x: Any) -> Any:
        """Multiply ``x`` by this."""
        return rounded_product(np.matmul, x, self)

    def __array_function__(self, function: Any, kinds: Any, arguments: Any, options: Any) -> Any:
        """Compute a function of NumPy: ``einsum`` multiplies, all others that the reference calls move numbers."""
        if function is not np.einsum:
            return super().__array_function__(function, kinds, arguments, options)
        letters, x, w = arguments
        return rounded_product(partial(np.einsum, letters), x, w)


def rounded_product(
    multiply: Callable[[np.ndarray, np.ndarray], np.ndarray], x: np.ndarray, w: np.ndarray
) -> np.ndarray:
    """Multiply two arrays, one or both ``Rounded``, as sums of bfloat16 numbers; ``multiply`` gets plain float32."""
    parts = max(getattr(factor, "parts", 0) for factor in (x, w))
    gains = [getattr(factor, "gain", 1.0) for factor in (x, w)]
    first, second = (
        [to_float32(part) for part in split(np.asarray(factor) * gain, parts)]
        for factor, gain in zip((x, w), gains, strict=True)
    )
    total = np.asarray(sum(multiply(first[i], second[j]) for i, j in PARTS_MULTIPLIED[parts]))
    return (total / gains[0] / gains[1]).astype(np.float32)


def rounded_factor(array: np.ndarray, parts: int, gain: Any = 1.0) -> np.ndarray:
    """Return a view of a float32 array as a factor of that kind; with no parts it is the array itself."""
    if not parts:
        return array
    factor = array.view(Rounded)
    factor.parts, factor.gain = parts, gain
    return factor
