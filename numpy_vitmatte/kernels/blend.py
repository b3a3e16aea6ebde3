"""Two neighboring doubled pixels, or rows of them, blended from the products of three low-resolution ones.

Along one axis, low-resolution pixel ``r`` is doubled to the pixels 2 r, a quarter of a step before it, and 2 r + 1, a
quarter after it. With the shifts -1, 0 and 1 of a 3x3 window each of them is a sum of six *taps*, of the maps ``M[0]``,
``M[1]`` and ``M[2]`` of the products for each shift, at ``r`` and its neighbors::

             M[0][r - 1]  M[0][r]  M[1][r - 1]  M[1][r]  M[1][r + 1]  M[2][r]  M[2][r + 1]
    2 r          3/4        1/4        1/4        3/4                   3/4        1/4
    2 r + 1      1/4        3/4                   3/4        1/4        1/4        3/4

Seven numbers are read for twelve taps: that is why pixels go in pairs. At the edges the doubling repeats the edge, so
that a neighbor outside is the edge itself, while the convolution sees zeros outside the doubled map: the taps of
``M[0]`` do not count for the very first pixel, nor those of ``M[2]`` for the very last.

The loops are LLVM vectors of 16 numbers, for the reasons that ``vectors.py`` gives.
"""

from collections.abc import Callable, Sequence

import numpy as np
from llvmlite import ir
from numba import types
from numba.core.cgutils import for_range_slice, unpack_tuple
from numba.extending import intrinsic

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
from numpy_vitmatte.runtime.jit import config

_TAPS = [(0, 0), (0, 1), (1, 0), (1, 1), (1, 2), (2, 1), (2, 2)]  # the map, and which of the three places
_FIRST = [3 / 4, 1 / 4, 1 / 4, 3 / 4, 0, 3 / 4, 1 / 4]
_SECOND = [1 / 4, 3 / 4, 0, 3 / 4, 1 / 4, 1 / 4, 3 / 4]


def _pair_in_python(x, places, step, flags, count):
    weights = np.array([_FIRST, _SECOND], np.float32)
    weights[0, :2] *= flags[0]
    weights[1, 5:] *= flags[1]
    return (weights @ np.stack([x[places[place] + shift * step :][:count] for shift, place in _TAPS])).reshape(-1)


def _blend_pixels_in_python(x, places, step, flags, count, out, o):
    out[o:][: 2 * count] = _pair_in_python(x, places, step, flags, count)


def _add_rows_in_python(x, places, step, flags, count, out, o):
    out[o:][: 2 * count] += _pair_in_python(x, places, step, flags, count)


_ZEROS = ir.Constant(ir.VectorType(ir.FloatType(), LANES), [0.0] * LANES)
_PLACES, _FLAGS = types.UniTuple(types.intp, 3), types.UniTuple(types.float32, 2)
_SIGNATURE = types.void(FLOATS, _PLACES, types.intp, _FLAGS, types.intp, FLOATS, types.intp)


def _pair_in_llvm(
    builder: ir.IRBuilder,
    x: ir.Value,
    places: Sequence[ir.Value],
    step: ir.Value,
    flags: Sequence[ir.Value],
    k: ir.Value,
) -> list[ir.Value]:
    """Emit both sums for numbers ``k`` to ``k + 15``. LLVM moves out of the loop what does not depend on ``k``."""
    sums = []
    starts = [builder.add(places[place], builder.mul(step, integer(shift))) for shift, place in _TAPS]
    values = [emit_load(builder, x, builder.add(start, k)) for start in starts]
    for weights, flag, outer in ((_FIRST, flags[0], 0), (_SECOND, flags[1], 2)):
        total: ir.Value = _ZEROS
        for (shift, _), weight, value in zip(_TAPS, weights, values, strict=True):
            if weight:
                factor = ir.Constant(ir.FloatType(), weight)
                factor = builder.fmul(factor, flag) if shift == outer else factor
                total = emit_multiply_add(builder, emit_broadcast(builder, factor), value, total)
        sums.append(total)
    return sums


def _in_llvm(new: Callable[[ir.IRBuilder, ir.Value, ir.Value], ir.Value]) -> Callable[..., None]:
    """Build a function, callable inside kernels, that writes what ``new`` makes of the old numbers and both sums."""

    def typing(context, x, places, step, flags, count, out, o):
        def generate(context, builder, signature, values):
            x, places, step, flags, count, out, o = values
            x, out = emit_data(context, builder, FLOATS, x), emit_data(context, builder, FLOATS, out)
            places, flags = unpack_tuple(builder, places, 3), unpack_tuple(builder, flags, 2)
            with for_range_slice(builder, integer(0), count, integer(LANES), integer) as (k, _):
                for n, total in enumerate(_pair_in_llvm(builder, x, places, step, flags, k)):
                    place = builder.add(builder.add(o, builder.mul(count, integer(n))), k)
                    old, own = emit_load(builder, out, place), emit_first_lanes(builder, builder.sub(count, k))
                    emit_store(builder, builder.select(own, new(builder, old, total), old), out, place)
            return context.get_dummy_value()

        return _SIGNATURE, generate

    return intrinsic(typing)


blend_pixels = _blend_pixels_in_python if config.DISABLE_JIT else _in_llvm(lambda builder, old, total: total)
"""Doubled pixels 2 r and 2 r + 1, summed over the shifts: ``count`` channels each, to ``out[o:]``, one pixel after the
other. ``M[n]`` of pixels r - 1, r and r + 1 begin at ``x[place + n * step]`` for the three ``places``. The first of the
``flags`` is 0 where pixel 2 r is the row's first, the second where 2 r + 1 is its last; else they are 1. ``SLACK`` more
numbers behind are read of ``x`` and, unchanged, of ``out``."""
add_rows = _add_rows_in_python if config.DISABLE_JIT else _in_llvm(lambda builder, old, total: builder.fadd(old, total))
"""The same down a column of rows: both sums are added to the rows of ``count`` numbers at ``out[o]`` and ``out[o +
count]``."""
