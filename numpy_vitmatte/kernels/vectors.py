"""Vectors of 16 numbers in LLVM, where Numba's own vector code stumbles: what such loops are made of, and attention's.

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

from numpy_vitmatte.runtime.jit import config

float32 = np.float32

LANES = 16
SLACK = LANES - 1
LOWEST = float32(-3e38)
"""Below every score: the largest of none."""

_number, integer, _vector = ir.FloatType(), ir.IntType(64), ir.VectorType(ir.FloatType(), LANES)
FLOATS = types.Array(types.float32, 1, "C")


def splat(builder: ir.IRBuilder, scalar: ir.Value) -> ir.Value:
    empty = ir.Constant(ir.VectorType(scalar.type, LANES), ir.Undefined)
    first = builder.insert_element(empty, scalar, ir.IntType(32)(0))
    return builder.shuffle_vector(first, empty, ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES))


def load(builder: ir.IRBuilder, base: ir.Value, index: ir.Value) -> ir.Value:
    value = builder.load(builder.bitcast(builder.gep(base, [index]), _vector.as_pointer()))
    value.align = 4
    return value


def store(builder: ir.IRBuilder, value: ir.Value, base: ir.Value, index: ir.Value) -> None:
    builder.store(value, builder.bitcast(builder.gep(base, [index]), _vector.as_pointer())).align = 4


def larger(builder: ir.IRBuilder, a: ir.Value, b: ir.Value) -> ir.Value:
    function = get_or_insert_function(builder.module, ir.FunctionType(_vector, [_vector] * 2), "llvm.maxnum.v16f32")
    return builder.call(function, [a, b], fastmath=("nnan", "nsz"))


def multiply_add(builder: ir.IRBuilder, a: ir.Value, b: ir.Value, c: ir.Value) -> ir.Value:
    return builder.fadd(builder.fmul(a, b, flags=("contract",)), c, flags=("contract",))


def first_lanes(builder: ir.IRBuilder, count: ir.Value) -> ir.Value:
    """A mask of the first ``count`` lanes: none below 1, all from 16 on."""
    lanes = ir.Constant(ir.VectorType(integer, LANES), list(range(LANES)))
    return builder.icmp_signed("<", lanes, splat(builder, count))


def data(context: Any, builder: ir.IRBuilder, kind: types.Array, array: ir.Value) -> ir.Value:
    return make_array(kind)(context, builder, array).data


def _add_offsets_in_python(scores, first, along_h, first_h, along_w, first_w, rows, width, out):
    h, w = along_h[first_h:][:rows], along_w[first_w:][:width]
    out[: rows * width] = scores[first:][: rows * width] + (h[:, None] + w).reshape(-1)
    return out[: rows * width].max()


@intrinsic
def _add_offsets_in_llvm(context, scores, first, along_h, first_h, along_w, first_w, rows, width, out):
    signature = types.float32(FLOATS, *(types.intp, FLOATS, types.intp, FLOATS), *(types.intp,) * 3, FLOATS)

    def generate(context, builder, signature, values):
        first, first_h, first_w, rows, width = (values[n] for n in (1, 3, 5, 6, 7))
        scores, along_h, along_w, out = (data(context, builder, FLOATS, values[n]) for n in (0, 2, 4, 8))
        lowest = ir.Constant(_vector, [float(LOWEST)] * LANES)
        largest = builder.alloca(_vector)
        builder.store(lowest, largest)
        with for_range(builder, rows) as row:
            height_part = splat(builder, builder.load(builder.gep(along_h, [builder.add(first_h, row.index)])))
            start = builder.mul(row.index, width)
            with for_range_slice(builder, integer(0), width, integer(LANES), integer) as (column, _):
                here = builder.add(start, column)
                offset = builder.fadd(height_part, load(builder, along_w, builder.add(first_w, column)))
                value = builder.fadd(load(builder, scores, builder.add(first, here)), offset)
                store(builder, value, out, here)
                mine = builder.select(first_lanes(builder, builder.sub(width, column)), value, lowest)
                builder.store(larger(builder, builder.load(largest), mine), largest)
        kind = ir.FunctionType(_number, [_vector])
        reduce = get_or_insert_function(builder.module, kind, "llvm.vector.reduce.fmax.v16f32")
        return builder.call(reduce, [builder.load(largest)], fastmath=("nnan", "nsz"))

    return signature, generate


add_offsets = _add_offsets_in_python if config.DISABLE_JIT else _add_offsets_in_llvm
"""``out[v * width + u] = scores[first + v * width + u] + (along_h[first_h + v] + along_w[first_w + u])`` for ``rows``
rows of ``width`` keys; returns the largest. Of ``scores`` and ``along_w`` up to ``SLACK`` numbers too many are read, of
``out`` as many written."""


def _copy_lanes_in_python(x, first, count, out, start):
    out[start:][:count] = x[first:][:count]


@intrinsic
def _copy_lanes_in_llvm(context, x, first, count, out, start):
    signature = types.void(FLOATS, types.intp, types.intp, FLOATS, types.intp)

    def generate(context, builder, signature, values):
        _, first, count, _, start = values
        x, out = (data(context, builder, FLOATS, values[n]) for n in (0, 3))
        mask, alignment = ir.VectorType(ir.IntType(1), LANES), ir.IntType(32)(4)
        kind = ir.FunctionType(ir.VoidType(), [_vector, _vector.as_pointer(), ir.IntType(32), mask])
        masked_store = get_or_insert_function(builder.module, kind, "llvm.masked.store.v16f32.p0v16f32")
        with for_range_slice(builder, integer(0), count, integer(LANES), integer) as (k, _):
            target = builder.bitcast(builder.gep(out, [builder.add(start, k)]), _vector.as_pointer())
            here = first_lanes(builder, builder.sub(count, k))
            builder.call(masked_store, [load(builder, x, builder.add(first, k)), target, alignment, here])
        return context.get_dummy_value()

    return signature, generate


copy_lanes = _copy_lanes_in_python if config.DISABLE_JIT else _copy_lanes_in_llvm
"""``out[start:][:count] = x[first:][:count]``, for short runs; of ``x`` up to ``SLACK`` numbers too many are read."""
