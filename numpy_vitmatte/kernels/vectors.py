"""Loops over vectors of 16 floats, written as LLVM instructions, and the small pieces that such code is made of.

LLVM turns a plain loop into vectors only if it can show that no store changes a later load. It leaves numbers that
do not fill several vectors to a loop of single ones. The rows here are short, 14 keys of a window or 16 channels of a
pixel, so that remainder would be nearly all of the work. A vector of 16 floats becomes one, two or four registers, as
the processor has them. Reads (and, where stated, writes) may run up to ``SLACK`` floats past the end of a row.

Functions whose name begins with ``emit_`` run while a kernel is compiled: each appends instructions to the block that
the builder stands in and returns the value that those will compute. The micro-kernel and Winograd's transforms are
made of them, too.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core.cgutils import for_range, for_range_slice, get_or_insert_function, unpack_tuple
from numba.extending import intrinsic
from numba.np.arrayobj import make_array

from numpy_vitmatte.runtime.jit import config
from numpy_vitmatte.runtime.workspace import CACHE_LINE

float32 = np.float32

LANES = CACHE_LINE
"""Floats of a vector here, 16 on every processor: a vector that begins with a cache line fills it."""
SLACK = LANES - 1
LOWEST = float32(-3e38)
"""A number below every score: the largest of no scores."""

integer = ir.IntType(64)
_number, _vector = ir.FloatType(), ir.VectorType(ir.FloatType(), LANES)
FLOATS = types.Array(types.float32, 1, "C")


def emit_broadcast(builder: ir.IRBuilder, scalar: ir.Value, lanes: int = LANES) -> ir.Value:
    """Emit a vector whose lanes all hold ``scalar``."""
    empty = ir.Constant(ir.VectorType(scalar.type, lanes), ir.Undefined)
    first_lane = builder.insert_element(empty, scalar, ir.IntType(32)(0))
    return builder.shuffle_vector(first_lane, empty, ir.Constant(ir.VectorType(ir.IntType(32), lanes), [0] * lanes))


def emit_load(builder: ir.IRBuilder, base: ir.Value, index: ir.Value, lanes: int = LANES) -> ir.Value:
    """Emit ``base[index:][:lanes]``; the vector may begin at any float."""
    vector = ir.VectorType(_number, lanes)
    value = builder.load(builder.bitcast(builder.gep(base, [index]), vector.as_pointer()))
    value.align = 4
    return value


def emit_store(builder: ir.IRBuilder, value: ir.Value, base: ir.Value, index: ir.Value) -> None:
    """Emit ``base[index:][:lanes] = value``."""
    builder.store(value, builder.bitcast(builder.gep(base, [index]), value.type.as_pointer())).align = 4


def emit_prefetch(builder: ir.IRBuilder, address: ir.Value) -> None:
    """Ask for the cache line at an address, which need not exist, to come into the second-level cache."""
    byte, number = ir.IntType(8).as_pointer(), ir.IntType(32)
    kind = ir.FunctionType(ir.VoidType(), [byte, number, number, number])
    function = get_or_insert_function(builder.module, kind, "llvm.prefetch.p0i8")
    to_read, second_level, data = number(0), number(2), number(1)
    builder.call(function, [builder.bitcast(address, byte), to_read, second_level, data])


def emit_larger(builder: ir.IRBuilder, a: ir.Value, b: ir.Value) -> ir.Value:
    """Emit the larger of two vectors, lane by lane; neither holds NaN."""
    function = get_or_insert_function(builder.module, ir.FunctionType(_vector, [_vector] * 2), "llvm.maxnum.v16f32")
    return builder.call(function, [a, b], fastmath=("nnan", "nsz"))


def emit_multiply_add(builder: ir.IRBuilder, a: ir.Value, b: ir.Value, c: ir.Value) -> ir.Value:
    """Emit ``a * b + c``, one instruction where the processor has it."""
    return builder.fadd(builder.fmul(a, b, flags=("contract",)), c, flags=("contract",))


def emit_first_lanes(builder: ir.IRBuilder, count: ir.Value) -> ir.Value:
    """Emit a mask of the first ``count`` lanes: none below 1, all from 16 on."""
    narrow = ir.IntType(32)  # as wide as a float: 64 bits would take two comparisons
    lanes = ir.Constant(ir.VectorType(narrow, LANES), list(range(LANES)))
    return builder.icmp_signed("<", lanes, emit_broadcast(builder, builder.trunc(count, narrow)))


def emit_load_first(builder: ir.IRBuilder, base: ir.Value, index: ir.Value, count: ir.Value) -> ir.Value:
    """Emit ``base[index:][:16]``, of which only the first ``count`` numbers are read; the others are zero."""
    mask, alignment = ir.VectorType(ir.IntType(1), LANES), ir.IntType(32)(4)
    kind = ir.FunctionType(_vector, [_vector.as_pointer(), ir.IntType(32), mask, _vector])
    function = get_or_insert_function(builder.module, kind, "llvm.masked.load.v16f32.p0v16f32")
    place = builder.bitcast(builder.gep(base, [index]), _vector.as_pointer())
    zeros = ir.Constant(_vector, [0.0] * LANES)
    return builder.call(function, [place, alignment, emit_first_lanes(builder, count), zeros])


def emit_store_first(builder: ir.IRBuilder, value: ir.Value, base: ir.Value, index: ir.Value, count: ir.Value) -> None:
    """Emit ``base[index:][:16] = value``, of which only the first ``count`` numbers are written."""
    mask, alignment = ir.VectorType(ir.IntType(1), LANES), ir.IntType(32)(4)
    kind = ir.FunctionType(ir.VoidType(), [_vector, _vector.as_pointer(), ir.IntType(32), mask])
    function = get_or_insert_function(builder.module, kind, "llvm.masked.store.v16f32.p0v16f32")
    place = builder.bitcast(builder.gep(base, [index]), _vector.as_pointer())
    builder.call(function, [value, place, alignment, emit_first_lanes(builder, count)])


def emit_transposed(builder: ir.IRBuilder, rows: list[ir.Value]) -> list[ir.Value]:
    """Emit the columns of 16 vectors of 16 lanes: four rounds of swaps between pairs of vectors.

    Round ``s`` swaps, in every pair of rows ``s`` apart, blocks of ``s`` numbers that lie across the diagonal. After
    the rounds for 8, 4, 2 and 1 every number is at its place.
    """
    lane = ir.VectorType(ir.IntType(32), LANES)
    for step in (8, 4, 2, 1):
        # Lanes are numbered from 0 in the upper row of a pair and from 16 in the lower one.
        kept = [n if not n & step else LANES + n - step for n in range(LANES)]
        moved = [n + step if not n & step else LANES + n for n in range(LANES)]
        pairs = [(rows[n & ~step], rows[n | step], moved if n & step else kept) for n in range(LANES)]
        rows = [builder.shuffle_vector(one, other, ir.Constant(lane, order)) for one, other, order in pairs]
    return rows


def emit_data(context: Any, builder: ir.IRBuilder, kind: types.Array, array: ir.Value) -> ir.Value:
    """Emit the pointer to an array's first number."""
    return make_array(kind)(context, builder, array).data


def _add_offsets_in_python(scores, along_h, along_w, starts, rows, width, out):
    first, first_h, first_w = starts
    h, w = along_h[first_h:][:rows], along_w[first_w:][:width]
    out[: rows * width] = scores[first:][: rows * width] + (h[:, None] + w).reshape(-1)
    return out[: rows * width].max()


@intrinsic
def _add_offsets_in_llvm(context, scores, along_h, along_w, starts, rows, width, out):
    signature = types.float32(*(FLOATS,) * 3, types.UniTuple(types.intp, 3), *(types.intp,) * 2, FLOATS)

    def generate(context, builder, signature, values):
        scores, along_h, along_w, out = (emit_data(context, builder, FLOATS, values[n]) for n in (0, 1, 2, 6))
        first, first_h, first_w = unpack_tuple(builder, values[3], 3)
        rows, width = values[4:6]
        # The running maximum of each lane lives on the stack; LLVM moves it to a register.
        lowest = ir.Constant(_vector, [float(LOWEST)] * LANES)
        largest = builder.alloca(_vector)
        builder.store(lowest, largest)
        with for_range(builder, rows) as row:
            # All keys of a row lie equally far from the query in height: one number for the whole row.
            height_part = emit_broadcast(builder, builder.load(builder.gep(along_h, [builder.add(first_h, row.index)])))
            start = builder.mul(row.index, width)
            with for_range_slice(builder, integer(0), width, integer(LANES), integer) as (column, _):
                here = builder.add(start, column)
                offset = builder.fadd(height_part, emit_load(builder, along_w, builder.add(first_w, column)))
                value = builder.fadd(emit_load(builder, scores, builder.add(first, here)), offset)
                # The last vector of a row also writes numbers behind it; the next row overwrites them.
                emit_store(builder, value, out, here)
                # Those numbers are no scores, so they must not count for the maximum.
                in_row = emit_first_lanes(builder, builder.sub(width, column))
                mine = builder.select(in_row, value, lowest)
                builder.store(emit_larger(builder, builder.load(largest), mine), largest)
        kind = ir.FunctionType(_number, [_vector])
        reduce = get_or_insert_function(builder.module, kind, "llvm.vector.reduce.fmax.v16f32")
        return builder.call(reduce, [builder.load(largest)], fastmath=("nnan", "nsz"))

    return signature, generate


add_offsets = _add_offsets_in_python if config.DISABLE_JIT else _add_offsets_in_llvm
"""``out[v * width + u] = scores[first + v * width + u] + (along_h[first_h + v] + along_w[first_w + u])`` for ``rows``
rows of ``width`` keys, where ``starts`` is ``(first, first_h, first_w)``; returns the largest. Up to ``SLACK`` numbers
too many are read of ``scores`` and ``along_w``, and as many are written of ``out``."""


def _copy_lanes_in_python(x, first, count, out, start):
    out[start:][:count] = x[first:][:count]


@intrinsic
def _copy_lanes_in_llvm(context, x, first, count, out, start):
    signature = types.void(FLOATS, types.intp, types.intp, FLOATS, types.intp)

    def generate(context, builder, signature, values):
        _, first, count, _, start = values
        x, out = (emit_data(context, builder, FLOATS, values[n]) for n in (0, 3))
        with for_range_slice(builder, integer(0), count, integer(LANES), integer) as (k, _):
            value = emit_load(builder, x, builder.add(first, k))
            emit_store_first(builder, value, out, builder.add(start, k), builder.sub(count, k))
        return context.get_dummy_value()

    return signature, generate


copy_lanes = _copy_lanes_in_python if config.DISABLE_JIT else _copy_lanes_in_llvm
"""``out[start:][:count] = x[first:][:count]``, for short runs; up to ``SLACK`` numbers too many are read of ``x``."""
