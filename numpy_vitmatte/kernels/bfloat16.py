"""Numbers rounded to bfloat16: the upper half of a float32, one bit of sign, eight of exponent and seven of fraction.

A float32 is rounded to the nearest bfloat16, and to the even one of two that are equally near. What the rounding leaves
over is a float32, exactly, and can be rounded again: two such parts keep 16 bits of the fraction, three keep all 24.
Numbers are kept as their bits, in arrays of uint16. The rounding is integer arithmetic, which every processor does
alike.
"""

import numpy as np

uint32 = np.uint32

HALF, SHIFT, ONE = uint32(0x7FFF), uint32(16), uint32(1)
SIZE = uint32(0x7FFFFFFF)
"""All bits but the sign."""
SMALLEST, INFINITY = uint32(0x00800000), uint32(0x7F800000)
"""The bits of 2**-126 and of infinity; a NaN's are larger."""
QUIET = uint32(0x40)
"""A bit of a bfloat16 that keeps a NaN a NaN."""


def round_to_bfloat16(x: np.ndarray) -> np.ndarray:
    """Return the bits of a float32 array rounded to bfloat16, in a uint16 array of the same shape.

    A NaN stays a NaN, and numbers beyond the largest bfloat16 by half a step become infinite. Numbers below 2**-126
    become zero, with their sign: the processors' own instructions count them as zero, when they round and when they
    multiply.

    Examples
    --------
    >>> import numpy as np
    >>> to_float32(round_to_bfloat16(np.array([1.00390625, 1.01171875, 3.14159265], np.float32)))
    array([1.      , 1.015625, 3.140625], dtype=float32)
    """
    bits = np.ascontiguousarray(x, np.float32).view(uint32)
    upper, size = bits >> SHIFT, bits & SIZE  # without the sign, so that nothing overflows
    sign = (bits ^ size) >> SHIFT
    rounded = ((size + HALF + (upper & ONE)) >> SHIFT) | sign
    rounded = np.where(size < SMALLEST, sign, rounded)
    return np.where(size > INFINITY, upper | QUIET, rounded).astype(np.uint16).reshape(np.shape(x))


def to_float32(bits: np.ndarray) -> np.ndarray:
    """Return the float32 numbers whose bfloat16 bits are given, exactly."""
    return (np.asarray(bits, np.uint16).astype(uint32) << SHIFT).view(np.float32)


def split(x: np.ndarray, parts: int) -> list[np.ndarray]:
    """Write a float32 array as a sum of bfloat16 numbers, each the rounding of what those before it left over.

    Two parts leave 2**-17 of a number at most, and three parts leave nothing, unless the last would be smaller than the
    smallest bfloat16.

    Parameters
    ----------
    x : float32 array
    parts : int

    Returns
    -------
    list of uint16 arrays
        The bits of each part.
    """
    found, rest = [], np.array(x, np.float32)
    for _ in range(parts):
        found.append(round_to_bfloat16(rest))
        rest = rest - to_float32(found[-1])
    return found
