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

from collections.abc import Sequence

import numpy as np
from llvmlite import ir
from numba import types
from numba.core.cgutils import for_range, for_range_slice, unpack_tuple
from numba.extending import intrinsic

from numpy_vitmatte.kernels.vectors import (
    FLOATS,
    LANES,
    emit_broadcast,
    emit_data,
    emit_larger,
    emit_load,
    emit_multiply_add,
    emit_store,
    emit_store_first,
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
    return weights @ np.stack([x[places[place] + shift * step :][:count] for shift, place in _TAPS])


def _blend_pixels_in_python(x, places, steps, flags, shape, out, o):
    columns, count = shape
    for n in range(columns):
        own = tuple(place + n * steps[1] for place in places)
        out[o + 2 * n * count :][: 2 * count] = _pair_in_python(x, own, steps[0], flags, count).reshape(-1)


def _blend_rows_in_python(x, places, step, flags, counts, floor, out, targets):
    pair = _pair_in_python(x, places[:3], step, flags, max(counts))
    for n, (count, target) in enumerate(zip(counts, targets, strict=True)):
        out[target:][:count] = np.maximum(x[places[3] + n * step :][:count] + pair[n, :count], floor)


_ZEROS = ir.Constant(ir.VectorType(ir.FloatType(), LANES), [0.0] * LANES)
_PAIR, _FLAGS = types.UniTuple(types.intp, 2), types.UniTuple(types.float32, 2)


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


def _store(builder: ir.IRBuilder, value: ir.Value, base: ir.Value, place: ir.Value, left: ir.Value) -> None:
    """Emit ``base[place:][:16] = value``, or less where only ``left`` numbers are left: some processors take longer."""
    with builder.if_else(builder.icmp_signed("<", left, integer(LANES))) as (part, whole):
        with part:
            emit_store_first(builder, value, base, place, left)
        with whole:
            emit_store(builder, value, base, place)


@intrinsic
def _blend_pixels_in_llvm(context, x, places, steps, flags, shape, out, o):
    triple = types.UniTuple(types.intp, 3)
    signature = types.void(FLOATS, triple, _PAIR, _FLAGS, _PAIR, FLOATS, types.intp)

    def generate(context, builder, signature, values):
        x, out = (emit_data(context, builder, FLOATS, values[n]) for n in (0, 5))
        places, (step, column_step), flags, (columns, count) = (
            unpack_tuple(builder, values[n], size) for n, size in ((1, 3), (2, 2), (3, 2), (4, 2))
        )
        with for_range(builder, columns) as column:
            moved = builder.mul(column.index, column_step)
            own = [builder.add(place, moved) for place in places]
            first = builder.add(values[6], builder.mul(column.index, builder.mul(integer(2), count)))
            with for_range_slice(builder, integer(0), count, integer(LANES), integer) as (k, _):
                for n, total in enumerate(_pair_in_llvm(builder, x, own, step, flags, k)):
                    place = builder.add(builder.add(first, builder.mul(count, integer(n))), k)
                    _store(builder, total, out, place, builder.sub(count, k))
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def _blend_rows_in_llvm(context, x, places, step, flags, counts, floor, out, targets):
    four, number = types.UniTuple(types.intp, 4), types.intp
    signature = types.void(FLOATS, four, number, _FLAGS, _PAIR, types.float32, FLOATS, _PAIR)

    def generate(context, builder, signature, values):
        x, out = (emit_data(context, builder, FLOATS, values[n]) for n in (0, 6))
        (*places, more), flags, counts, targets = (
            unpack_tuple(builder, values[n], size) for n, size in ((1, 4), (3, 2), (4, 2), (7, 2))
        )
        step, floor = values[2], emit_broadcast(builder, values[5])
        longest = builder.select(builder.icmp_signed("<", *counts), counts[1], counts[0])
        with for_range_slice(builder, integer(0), longest, integer(LANES), integer) as (k, _):
            for n, total in enumerate(_pair_in_llvm(builder, x, places, step, flags, k)):
                here = builder.add(builder.add(more, builder.mul(step, integer(n))), k)
                total = emit_larger(builder, builder.fadd(emit_load(builder, x, here), total), floor)
                _store(builder, total, out, builder.add(targets[n], k), builder.sub(counts[n], k))
        return context.get_dummy_value()

    return signature, generate


blend_pixels = _blend_pixels_in_python if config.DISABLE_JIT else _blend_pixels_in_llvm
"""Doubled pixels, summed over the shifts, of a run of low-resolution pixels: ``shape`` is how many, and their channels.
Those of pixel ``n``, 2 r and 2 r + 1, go to ``out[o + 2 * n * channels:]``, one after the other. With ``steps = (step,
pixel_step)``, ``M[s]`` of pixels r - 1, r and r + 1 begin at ``x[place + n * pixel_step + s * step]`` for the three
``places``. The first of the ``flags`` is 0 where pixel 2 r is the row's first, the second where 2 r + 1 is its last;
else they are 1. ``SLACK`` more numbers behind are read of ``x``."""
blend_rows = _blend_rows_in_python if config.DISABLE_JIT else _blend_rows_in_llvm
"""The same down a column of rows, added to two rows of something else: ``out[targets[n]:][:counts[n]] = max(x[places[3]
+ n * step:] + sum n, floor)`` for row 2 r + n. A count may be 0."""
