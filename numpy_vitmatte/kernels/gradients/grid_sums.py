"""Sums over the rows and over the columns of a grid of scores, as LLVM vectors for the reasons of ``vectors.py``."""

import numpy as np
from llvmlite import ir
from numba import types
from numba.core.cgutils import alloca_once, for_range, for_range_slice, get_or_insert_function
from numba.extending import intrinsic

from numpy_vitmatte.kernels.vectors import (
    FLOATS,
    LANES,
    emit_data,
    emit_first_lanes,
    emit_load,
    emit_store,
    integer,
)
from numpy_vitmatte.runtime.jit import config


def _grid_sums_in_python(x, rows, width, first_h, first_w):
    grid = x[: rows * width].reshape(rows, width)
    x[first_h:][:rows] = grid.sum(axis=1, dtype=np.float32)
    x[first_w:][:width] = grid.sum(axis=0, dtype=np.float32)


@intrinsic
def _grid_sums_in_llvm(context, x, rows, width, first_h, first_w):
    signature = types.void(FLOATS, *(types.intp,) * 4)

    def generate(context, builder, signature, values):
        x, (rows, width, first_h, first_w) = emit_data(context, builder, FLOATS, values[0]), values[1:]
        number = ir.FloatType()
        vector = ir.VectorType(number, LANES)
        zeros = ir.Constant(vector, [0.0] * LANES)
        kind = ir.FunctionType(number, [number, vector])
        reduce = get_or_insert_function(builder.module, kind, "llvm.vector.reduce.fadd.v16f32")
        # The sums of the columns live on the stack; LLVM moves them to a register.
        columns = alloca_once(builder, vector)
        with for_range_slice(builder, integer(0), width, integer(LANES), integer) as (column, _):
            inside = emit_first_lanes(builder, builder.sub(width, column))
            builder.store(zeros, columns)
            with for_range(builder, rows) as row:
                here = builder.add(builder.mul(row.index, width), column)
                own = builder.select(inside, emit_load(builder, x, here), zeros)
                builder.store(builder.fadd(builder.load(columns), own), columns)
                place = builder.gep(x, [builder.add(first_h, row.index)])
                before = builder.select(builder.icmp_signed("==", column, integer(0)), number(0.0), builder.load(place))
                builder.store(builder.call(reduce, [before, own], fastmath=("reassoc", "nsz")), place)
            place = builder.add(first_w, column)
            total = builder.select(inside, builder.load(columns), emit_load(builder, x, place))
            emit_store(builder, total, x, place)
        return context.get_dummy_value()

    return signature, generate


grid_sums = _grid_sums_in_python if config.DISABLE_JIT else _grid_sums_in_llvm
"""``x[first_h + v] = sum over u of x[v * width + u]`` and ``x[first_w + u] = sum over v of x[v * width + u]`` for a
grid of ``rows`` rows of ``width`` numbers. ``SLACK`` numbers more may be read, and written unchanged."""
