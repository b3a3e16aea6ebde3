"""Squares of 16 x 16 numbers, transposed in registers."""

import numpy as np
from numba import types
from numba.core.cgutils import for_range
from numba.extending import intrinsic

from numpy_vitmatte.kernels.vectors import FLOATS, LANES, emit_data, emit_load, emit_store, emit_transposed, integer
from numpy_vitmatte.runtime.jit import config


def _transpose_squares_in_python(x, start, step, squares, out, out_start, out_step):
    square = x[start + step * np.arange(LANES)[:, None] + np.arange(squares * LANES)]
    out[out_start + out_step * np.arange(squares * LANES)[:, None] + np.arange(LANES)] = square.T


@intrinsic
def _transpose_squares_in_llvm(context, x, start, step, squares, out, out_start, out_step):
    number = types.intp
    signature = types.void(FLOATS, number, number, number, FLOATS, number, number)

    def generate(context, builder, signature, values):
        x, start, step, squares, out, out_start, out_step = values
        x, out = emit_data(context, builder, FLOATS, x), emit_data(context, builder, FLOATS, out)
        with for_range(builder, squares) as square:
            first = builder.mul(square.index, integer(LANES))
            begin, target = builder.add(start, first), builder.add(out_start, builder.mul(first, out_step))
            starts = [builder.add(begin, builder.mul(step, integer(r))) for r in range(LANES)]
            rows = [emit_load(builder, x, place) for place in starts]
            for c, column in enumerate(emit_transposed(builder, rows)):
                emit_store(builder, column, out, builder.add(target, builder.mul(out_step, integer(c))))
        return context.get_dummy_value()

    return signature, generate


transpose_squares = _transpose_squares_in_python if config.DISABLE_JIT else _transpose_squares_in_llvm
"""``out[out_start + c * out_step + r] = x[start + r * step + c]`` for 16 rows ``r`` and ``16 * squares`` columns
``c``."""
