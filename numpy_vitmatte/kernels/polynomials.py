"""The exponential and the normal distribution as polynomials, for single numbers and for rows of them.

A polynomial is a chain: each step waits some cycles for the one before, while a core could start two in every cycle.
LLVM makes one chain after the other of a loop, and on Intel's processors in vectors of half a register. Here four
registers of numbers go through the steps side by side. So exponentials take half of the time, and GELU, too, which had
a division besides.

Functions whose name begins with ``emit_`` take a number, or a vector of any length.
"""

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core.cgutils import for_range_slice, get_or_insert_function
from numba.extending import intrinsic
from numba.np.arrayobj import make_array

from numpy_vitmatte.kernels.microkernel import VECTOR_WIDTH
from numpy_vitmatte.kernels.vectors import (
    FLOATS,
    LANES,
    emit_broadcast,
    emit_data,
    emit_first_lanes,
    emit_load,
    emit_multiply_add,
    emit_store,
    integer,
)
from numpy_vitmatte.runtime.jit import EXACT_ORDER, INLINED, config, kernel

float32 = np.float32

AT_ONCE = 4 * VECTOR_WIDTH
"""Numbers that go through a function side by side."""

_LOWEST = -87.0
_LOG2_E, _LN_2, _LN_2_REST = math.log2(math.e), 0.693359375, math.log(2) - 0.693359375
"""The first part of ln 2 is exact in few bits, so its products with whole numbers are exact."""
_SHIFT = 1.5 * 2**23 + 127
"""Added to a small number it leaves no bits for a fraction, and the last nine bits become the whole number + 127."""
_EXPONENTIAL = (1.0, 1.0, 0.49999994, 0.166665211, 0.041668389, 0.00836874545, 0.00138145406)

_END = 5.3
_NORMAL = (
    *(0.706980586, -0.705095708, 1.04439867, -1.67863309, 2.72050667, -4.28819942, 6.41413116, -8.98361015),
    *(12.061204, -15.5755692, 16.3973389, -12.9844427, 18.0891571, -31.6821136, 21.6284714),
)


def _constant(kind: ir.Type, number: float) -> ir.Constant:
    return ir.Constant(kind, [number] * kind.count if isinstance(kind, ir.VectorType) else number)


def _emit_polynomial(builder: ir.IRBuilder, coefficients: tuple[float, ...], x: ir.Value) -> ir.Value:
    """Emit ``coefficients[0] + coefficients[1] * x + ...``."""
    constants = [_constant(x.type, number) for number in coefficients]
    return functools.reduce(lambda total, number: emit_multiply_add(builder, total, x, number), reversed(constants))


def _emit_at_least(builder: ir.IRBuilder, x: ir.Value, lowest: float) -> ir.Value:
    """Emit the greater of both; NaN stays NaN."""
    lowest = _constant(x.type, lowest)
    return builder.select(builder.fcmp_ordered("<", x, lowest), lowest, x)


def _emit_at_most(builder: ir.IRBuilder, x: ir.Value, highest: float) -> ir.Value:
    highest = _constant(x.type, highest)
    return builder.select(builder.fcmp_ordered(">", x, highest), highest, x)


def emit_exponential(builder: ir.IRBuilder, x: ir.Value) -> ir.Value:
    """Emit ``exp(x)`` for x <= 88, within 1 ulp; below -87 it is exp(-87), 1.6e-38, and NaN of NaN.

    ``x = n ln 2 + r`` with whole n and ``|r| <= ln 2 / 2``, so ``exp(x) = 2**n exp(r)``. The polynomial for exp(r) is a
    minimax fit of degree 6, 3e-9 off, that begins with ``1 + r``.
    """
    bits = ir.IntType(32) if x.type == ir.FloatType() else ir.VectorType(ir.IntType(32), x.type.count)
    x = _emit_at_least(builder, x, _LOWEST)
    shifted = emit_multiply_add(builder, x, _constant(x.type, _LOG2_E), _constant(x.type, _SHIFT))
    n = builder.fsub(shifted, _constant(x.type, _SHIFT))
    r = emit_multiply_add(builder, n, _constant(x.type, -_LN_2), x)
    r = emit_multiply_add(builder, n, _constant(x.type, -_LN_2_REST), r)
    # The last bits of ``shifted``, n + 127, are the exponent bits of 2**n.
    power = builder.bitcast(builder.shl(builder.bitcast(shifted, bits), _constant(bits, 23)), x.type)
    return builder.fmul(_emit_polynomial(builder, _EXPONENTIAL, r), power)


def emit_normal_distribution(builder: ir.IRBuilder, x: ir.Value) -> ir.Value:
    """Emit the probability that a standard normal number is below x, ``(1 + erf(x / sqrt(2))) / 2``, within 1.5e-7.

    It is ``1/2 + z P(z**2 - 1/2)`` where ``z = x / 5.3`` is cut off at -1 and 1; P is a minimax fit of degree 14 whose
    sum at 1/2 is exactly 1/2. So the probability is exactly 0 below -5.3, and exactly 1 above 5.3.
    """
    half = _constant(x.type, 0.5)
    z = builder.fmul(x, _constant(x.type, 1 / _END))
    z = _emit_at_most(builder, _emit_at_least(builder, z, -1.0), 1.0)
    square = emit_multiply_add(builder, z, z, _constant(x.type, -0.5))
    return emit_multiply_add(builder, z, _emit_polynomial(builder, _NORMAL, square), half)


def _scalar(emit: Callable[[ir.IRBuilder, ir.Value], ir.Value]) -> Callable[..., Any]:
    def typing(context, x):
        return types.float32(types.float32), lambda context, builder, signature, values: emit(builder, values[0])

    return intrinsic(typing)


def _exponential_in_python(x):
    return np.exp(np.maximum(x, _LOWEST), dtype=np.float64).astype(float32)  # NumPy's for float32 is 2 ulp off


def _normal_distribution_in_python(x):
    return float32(math.erfc(-float(x) * math.sqrt(0.5)) / 2)


_exponential = _exponential_in_python if config.DISABLE_JIT else _scalar(emit_exponential)
_normal_distribution = _normal_distribution_in_python if config.DISABLE_JIT else _scalar(emit_normal_distribution)


@kernel(EXACT_ORDER, INLINED)
def exponential(x):
    """Return ``exp(x)`` of a float32: see ``emit_exponential``."""
    return _exponential(x)


@kernel(EXACT_ORDER, INLINED)
def normal_distribution(x):
    """Return the normal distribution of a float32: see ``emit_normal_distribution``."""
    return _normal_distribution(x)


def _emit_runs(builder: ir.IRBuilder, count: ir.Value, tail: int, emit: Callable[[ir.Value, int], None]) -> None:
    """Call ``emit(first, lanes)`` inside two loops: over ``AT_ONCE`` numbers at a time, then over ``tail`` numbers."""
    whole = builder.mul(builder.sdiv(count, integer(AT_ONCE)), integer(AT_ONCE))
    for start, stop, lanes in ((integer(0), whole, AT_ONCE), (whole, count, tail)):
        with for_range_slice(builder, start, stop, integer(lanes), integer) as (first, _):
            emit(first, lanes)


def _exponentials_in_python(x, largest, out):
    out[:] = _exponential_in_python(x[: out.size] - largest)
    return out.sum()


@intrinsic
def _exponentials_in_llvm(context, x, largest, out):
    def generate(context, builder, signature, values):
        _, largest, out = values
        count = make_array(FLOATS)(context, builder, out).nitems
        x, out = (emit_data(context, builder, FLOATS, array) for array in (values[0], out))
        sums = {}
        for lanes in {AT_ONCE, LANES}:
            kind = ir.VectorType(ir.FloatType(), lanes)
            sums[lanes] = builder.alloca(kind)
            builder.store(_constant(kind, 0.0), sums[lanes])

        def emit(first: ir.Value, lanes: int) -> None:
            centered = builder.fsub(emit_load(builder, x, first, lanes), emit_broadcast(builder, largest, lanes))
            result = emit_exponential(builder, centered)
            emit_store(builder, result, out, first)
            if lanes == LANES:  # of the last vector, what lies behind the end does not count
                inside = emit_first_lanes(builder, builder.sub(count, first))
                result = builder.select(inside, result, _constant(result.type, 0.0))
            builder.store(builder.fadd(builder.load(sums[lanes]), result), sums[lanes])

        _emit_runs(builder, count, LANES, emit)
        total = ir.Constant(ir.FloatType(), 0.0)
        for lanes, place in sorted(sums.items()):
            kind = ir.FunctionType(ir.FloatType(), [ir.FloatType(), ir.VectorType(ir.FloatType(), lanes)])
            add = get_or_insert_function(builder.module, kind, f"llvm.vector.reduce.fadd.v{lanes}f32")
            total = builder.call(add, [total, builder.load(place)], fastmath=("reassoc",))
        return total

    return types.float32(FLOATS, types.float32, FLOATS), generate


exponentials = _exponentials_in_python if config.DISABLE_JIT else _exponentials_in_llvm
"""Set ``out = exp(x[:out.size] - largest)`` and return its sum. Up to ``SLACK`` numbers too many are read of ``x`` and
written behind ``out``."""


def _gelu_in_python(x):
    x *= [_normal_distribution_in_python(number) for number in x.tolist()]


@intrinsic
def _gelu_in_llvm(context, x):
    def generate(context, builder, signature, values):
        count = make_array(FLOATS)(context, builder, values[0]).nitems
        x = emit_data(context, builder, FLOATS, values[0])

        def emit(first: ir.Value, lanes: int) -> None:
            here = emit_load(builder, x, first, lanes)
            emit_store(builder, builder.fmul(here, emit_normal_distribution(builder, here)), x, first)

        _emit_runs(builder, count, 1, emit)
        return context.get_dummy_value()

    return types.void(FLOATS), generate


gelu_run = _gelu_in_python if config.DISABLE_JIT else _gelu_in_llvm
"""Set ``x = x * P(x)`` for a float32 array (any size,); P is the normal distribution."""
