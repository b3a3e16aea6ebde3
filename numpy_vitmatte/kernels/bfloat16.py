"""Numbers rounded to bfloat16: the upper half of a float32, one bit of sign, eight of exponent and seven of fraction.

A float32 is rounded to the nearest bfloat16, and to the even one of two that are equally near. What the rounding leaves
over is a float32, exactly, and can be rounded again: two such parts keep 16 bits of the fraction, three keep all 24.
Numbers are kept as their bits, in arrays of uint16. The rounding is integer arithmetic, which every processor does
alike.
"""

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from numpy_vitmatte.kernels.views import view
from numpy_vitmatte.runtime.jit import CALLED, EXACT_ORDER, INLINED, config, kernel

uint32 = np.uint32

_HALF, _SHIFT, _ONE = uint32(0x7FFF), uint32(16), uint32(1)
_SIZE = uint32(0x7FFFFFFF)
_UPPER = uint32(0xFFFF0000)
_INFINITY, _QUIET = uint32(0x7F800000), uint32(0x40)


def round_to_bfloat16(x: np.ndarray) -> np.ndarray:
    """Return the bits of a float32 array rounded to bfloat16, in a uint16 array of the same shape.

    A NaN stays a NaN, and numbers beyond the largest bfloat16 by half a step become infinite.

    Examples
    --------
    >>> import numpy as np
    >>> to_float32(round_to_bfloat16(np.array([1.00390625, 1.01171875, 3.14159265], np.float32)))
    array([1.      , 1.015625, 3.140625], dtype=float32)
    """
    bits = np.ascontiguousarray(x, np.float32).view(uint32)
    size = bits & _SIZE  # without the sign, so that nothing overflows
    rounded = ((size + _HALF + ((bits >> _SHIFT) & _ONE)) >> _SHIFT) | ((bits ^ size) >> _SHIFT)
    not_a_number = size > _INFINITY
    return np.where(not_a_number, (bits >> _SHIFT) | _QUIET, rounded).astype(np.uint16).reshape(np.shape(x))


def to_float32(bits: np.ndarray) -> np.ndarray:
    """Return the float32 numbers whose bfloat16 bits are given, exactly."""
    return (np.asarray(bits, np.uint16).astype(uint32) << _SHIFT).view(np.float32)


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


def _bits_in_python(x):
    return np.float32(x).view(uint32)


@intrinsic
def _bits_in_llvm(context, x):
    def generate(context, builder, signature, values):
        return builder.bitcast(values[0], ir.IntType(32))

    return types.uint32(types.float32), generate


def _number_in_python(bits):
    return uint32(bits).view(np.float32)


@intrinsic
def _number_in_llvm(context, bits):
    def generate(context, builder, signature, values):
        return builder.bitcast(values[0], ir.FloatType())

    return types.float32(types.uint32), generate


bits_of = _bits_in_python if config.DISABLE_JIT else _bits_in_llvm
"""The bits of a float32, a uint32."""
number_of = _number_in_python if config.DISABLE_JIT else _number_in_llvm
"""The float32 of some bits."""


@kernel(EXACT_ORDER, INLINED)
def _rounded_bits(x):
    bits = bits_of(x)
    size = bits & _SIZE
    rounded = ((size + _HALF + ((bits >> _SHIFT) & _ONE)) >> _SHIFT) | ((bits ^ size) >> _SHIFT)
    not_a_number = size > _INFINITY
    return np.uint16((bits >> _SHIFT) | _QUIET if not_a_number else rounded)


@kernel(EXACT_ORDER, CALLED)
def round_run(x, first, count, out, start):
    """Set ``out[start:][:count]`` to the bits of ``x[first:][:count]`` rounded to bfloat16."""
    own, target = view(x, first, (count,)), view(out, start, (count,))
    for k in range(count):
        target[k] = _rounded_bits(own[k])


@kernel(EXACT_ORDER, INLINED)
def rest_of(x):
    """Return what rounding to bfloat16 leaves over of a number: NaN of NaN and infinity."""
    bits = bits_of(x)
    size = bits & _SIZE
    return x - number_of(((size + _HALF + ((bits >> _SHIFT) & _ONE)) & _UPPER) | (bits ^ size))


@kernel(EXACT_ORDER, INLINED)
def pair_of(first, second):
    """Return the bits of two numbers rounded to bfloat16, a uint32; the first are the lower half."""
    return uint32(_rounded_bits(first)) | uint32(_rounded_bits(second)) << _SHIFT


@kernel(EXACT_ORDER, CALLED)
def round_rest(x, first, count, out, start):
    """Set ``out[start:][:count]`` to the bits of what ``round_run`` leaves over of ``x[first:][:count]``, rounded."""
    own, target = view(x, first, (count,)), view(out, start, (count,))
    for k in range(count):
        target[k] = _rounded_bits(rest_of(own[k]))
