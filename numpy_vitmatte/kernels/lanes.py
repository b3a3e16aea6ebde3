"""Two inner loops written as LLVM vectors of 16 numbers, where Numba's own vector code stumbles.

LLVM turns a plain loop into vectors only if it can show that no store changes a later load, and leaves what does not
fill several vectors to a loop of single numbers. The rows here are short, 14 keys of a window, 16 channels of a pixel,
so that remainder would be nearly all of the work. Vectors of 16 floats become one, two or four registers, as the
processor has them. Arrays may be read, and where the docstrings say so written, up to ``SLACK`` numbers past a row.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core.cgutils import for_range, for_range_slice, get_or_insert_function
from numba.extending import intrinsic
from numba.np.arrayobj import make_array

from numpy_vitmatte.kernels.jit import config

float32 = np.float32

LANES = 16
SLACK = LANES - 1
LOWEST = float32(-3e38)
"""Below every score: the largest of none."""

_number, integer, _vector = ir.FloatType(), ir.IntType(64), ir.VectorType(ir.FloatType(), LANES)
_array, _zeros = types.Array(types.float32, 1, "C"), ir.Constant(_vector, [0.0] * LANES)


def _splat(builder: ir.IRBuilder, scalar: ir.Value) -> ir.Value:
    empty = ir.Constant(ir.VectorType(scalar.type, LANES), ir.Undefined)
    first = builder.insert_element(empty, scalar, ir.IntType(32)(0))
    return builder.shuffle_vector(first, empty, ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES))


def load(builder: ir.IRBuilder, base: ir.Value, index: ir.Value) -> ir.Value:
    value = builder.load(builder.bitcast(builder.gep(base, [index]), _vector.as_pointer()))
    value.align = 4
    return value


def store(builder: ir.IRBuilder, value: ir.Value, base: ir.Value, index: ir.Value) -> None:
    builder.store(value, builder.bitcast(builder.gep(base, [index]), _vector.as_pointer())).align = 4


def _larger(builder: ir.IRBuilder, a: ir.Value, b: ir.Value) -> ir.Value:
    function = get_or_insert_function(builder.module, ir.FunctionType(_vector, [_vector] * 2), "llvm.maxnum.v16f32")
    return builder.call(function, [a, b], fastmath=("nnan", "nsz"))


def _multiply_add(builder: ir.IRBuilder, a: ir.Value, b: ir.Value, c: ir.Value) -> ir.Value:
    return builder.fadd(builder.fmul(a, b, flags=("contract",)), c, flags=("contract",))


def data(context: Any, builder: ir.IRBuilder, kind: types.Array, array: ir.Value) -> ir.Value:
    return make_array(kind)(context, builder, array).data


def _add_offsets_in_python(scores, first, along_h, first_h, along_w, first_w, rows, width, out):
    h, w = along_h[first_h:][:rows], along_w[first_w:][:width]
    out[: rows * width] = scores[first:][: rows * width] + (h[:, None] + w).reshape(-1)
    return out[: rows * width].max()


@intrinsic
def _add_offsets_in_llvm(context, scores, first, along_h, first_h, along_w, first_w, rows, width, out):
    signature = types.float32(_array, *(types.intp, _array, types.intp, _array), *(types.intp,) * 3, _array)

    def generate(context, builder, signature, values):
        first, first_h, first_w, rows, width = (values[n] for n in (1, 3, 5, 6, 7))
        scores, along_h, along_w, out = (data(context, builder, _array, values[n]) for n in (0, 2, 4, 8))
        lanes = ir.Constant(ir.VectorType(integer, LANES), list(range(LANES)))
        lowest = ir.Constant(_vector, [float(LOWEST)] * LANES)
        largest = builder.alloca(_vector)
        builder.store(lowest, largest)
        with for_range(builder, rows) as row:
            height_part = _splat(builder, builder.load(builder.gep(along_h, [builder.add(first_h, row.index)])))
            start = builder.mul(row.index, width)
            with for_range_slice(builder, integer(0), width, integer(LANES), integer) as (column, _):
                here = builder.add(start, column)
                offset = builder.fadd(height_part, load(builder, along_w, builder.add(first_w, column)))
                value = builder.fadd(load(builder, scores, builder.add(first, here)), offset)
                store(builder, value, out, here)
                inside = builder.icmp_signed("<", lanes, _splat(builder, builder.sub(width, column)))
                mine = builder.select(inside, value, lowest)
                builder.store(_larger(builder, builder.load(largest), mine), largest)
        kind = ir.FunctionType(_number, [_vector])
        reduce = get_or_insert_function(builder.module, kind, "llvm.vector.reduce.fmax.v16f32")
        return builder.call(reduce, [builder.load(largest)], fastmath=("nnan", "nsz"))

    return signature, generate


add_offsets = _add_offsets_in_python if config.DISABLE_JIT else _add_offsets_in_llvm
"""``out[v * width + u] = scores[first + v * width + u] + (along_h[first_h + v] + along_w[first_w + u])`` for ``rows``
rows of ``width`` keys; returns the largest. Of ``scores`` and ``along_w`` up to ``SLACK`` numbers too many are read, of
``out`` as many written."""


def _weighted_in_python(x, places, w, m):
    # The last lanes may lie in the slack behind the numbers: whatever stood in memory there, NaNs included.
    with np.errstate(all="ignore"):
        return sum(w[m + n] * x[start:][:LANES] for n, start in enumerate(places))


def _blend_six_in_python(x, a, b, c, d, e, f, w, m, out, o):
    out[o:][:LANES] = _weighted_in_python(x, (a, b, c, d, e, f), w, m)


def _add_six_and_relu_in_python(before, p, x, a, b, c, d, e, f, w, m, out, o):
    with np.errstate(all="ignore"):
        out[o:][:LANES] = np.maximum(before[p:][:LANES] + _weighted_in_python(x, (a, b, c, d, e, f), w, m), float32(0))


def _add_weighted(
    builder: ir.IRBuilder, total: ir.Value, x: ir.Value, places: list[ir.Value], w: ir.Value, m: ir.Value
) -> ir.Value:
    for n, place in enumerate(places):
        weight = _splat(builder, builder.load(builder.gep(w, [builder.add(m, integer(n))])))
        total = _multiply_add(builder, weight, load(builder, x, place), total)
    return total


@intrinsic
def _blend_six_in_llvm(context, x, a, b, c, d, e, f, w, m, out, o):
    signature = types.void(_array, *(types.intp,) * 6, _array, types.intp, _array, types.intp)

    def generate(context, builder, signature, values):
        x, w, out = (data(context, builder, _array, values[n]) for n in (0, 7, 9))
        store(builder, _add_weighted(builder, _zeros, x, values[1:7], w, values[8]), out, values[10])
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def _add_six_and_relu_in_llvm(context, before, p, x, a, b, c, d, e, f, w, m, out, o):
    signature = types.void(_array, types.intp, _array, *(types.intp,) * 6, _array, types.intp, _array, types.intp)

    def generate(context, builder, signature, values):
        before, x, w, out = (data(context, builder, _array, values[n]) for n in (0, 2, 9, 11))
        total = _add_weighted(builder, load(builder, before, values[1]), x, values[3:9], w, values[10])
        store(builder, _larger(builder, total, _zeros), out, values[12])
        return context.get_dummy_value()

    return signature, generate


blend_six = _blend_six_in_python if config.DISABLE_JIT else _blend_six_in_llvm
"""``out[o : o + 16] = w[m] * x[a : a + 16] + ... + w[m + 5] * x[f : f + 16]``."""
add_six_and_relu = _add_six_and_relu_in_python if config.DISABLE_JIT else _add_six_and_relu_in_llvm
"""``out[o : o + 16] = max(before[p : p + 16] + w[m] * x[a : a + 16] + ... + w[m + 5] * x[f : f + 16], 0)``."""
