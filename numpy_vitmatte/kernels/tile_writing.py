"""Tiles of weights made of float32 numbers inside a kernel: keys and values, which are there only during a pass.

A tile of weights has 16 lines of 16 pairs (``tile_packing.py``). The pairs of a line are numbers of two rows. Where
the numbers of a column lie side by side, as those of a key do, a pair is two neighbors, and the 16 x 16 pairs of a tile
are transposed in registers.
"""

import numpy as np
from llvmlite import ir
from numba import types
from numba.core.cgutils import for_range, unpack_tuple
from numba.extending import intrinsic

from numpy_vitmatte.kernels.rounding import emit_parts
from numpy_vitmatte.kernels.tile_packing import pack_tiles
from numpy_vitmatte.kernels.tiles import TILE_COLUMNS, TILE_DEPTH, TILE_ROWS
from numpy_vitmatte.kernels.vectors import (
    FLOATS,
    LANES,
    emit_broadcast,
    emit_data,
    emit_load_first,
    emit_transposed,
    integer,
)
from numpy_vitmatte.runtime.jit import config

_words = ir.VectorType(ir.IntType(32), LANES)
_TILE_WORDS = TILE_ROWS * TILE_COLUMNS


def _tile_in_python(x, first, steps, shape, factor, out, start):
    rows, columns = min(TILE_DEPTH, shape[0]), min(TILE_COLUMNS, shape[1])
    numbers = np.zeros((TILE_DEPTH, TILE_COLUMNS), np.float32)
    r, c = np.ogrid[:rows, :columns]
    numbers[:rows, :columns] = x[first + r * steps[0] + c * steps[1]] * factor
    out[start:][: numbers.size] = pack_tiles(numbers, TILE_DEPTH, 1, out.dtype)


def _tile_of_rows_in_python(x, first, step, shape, out, start):
    _tile_in_python(x, first, (step, 1), shape, np.float32(1), out, start)


def _tile_of_columns_in_python(x, first, step, shape, factor, out, start):
    _tile_in_python(x, first, (1, step), shape, factor, out, start)


def _line(builder: ir.IRBuilder, words: ir.Value, part: int, line: ir.Value) -> ir.Value:
    place = builder.add(builder.mul(line, integer(LANES)), integer(part * _TILE_WORDS))
    return builder.bitcast(builder.gep(words, [place]), _words.as_pointer())


def _words_of(builder: ir.IRBuilder, out: ir.Value, start: ir.Value, parts: int) -> ir.Value:
    """Emit the address of the pair at ``out[start]``: as many bytes into the array as numbers of two parts take."""
    words = builder.bitcast(out, ir.IntType(32).as_pointer())
    return builder.gep(words, [builder.udiv(builder.mul(start, integer(parts)), integer(2))])


@intrinsic
def _tile_of_rows_in_llvm(context, x, first, step, shape, out, start):
    pair = types.UniTuple(types.intp, 2)
    signature, parts = types.void(FLOATS, types.intp, types.intp, pair, out, types.intp), out.dtype.bitwidth // 16

    def generate(context, builder, signature, values):
        x, out = (emit_data(context, builder, signature.args[n], values[n]) for n in (0, 4))
        _, first, step, shape, _, start = values
        rows, columns = unpack_tuple(builder, shape, 2)
        shift, words = ir.Constant(_words, [16] * LANES), _words_of(builder, out, start, parts)
        with for_range(builder, integer(TILE_ROWS)) as line:
            halves = []
            for n in range(2):
                row = builder.add(builder.mul(line.index, integer(2)), integer(n))
                inside = builder.select(builder.icmp_signed("<", row, rows), columns, integer(0))
                here = builder.add(first, builder.mul(row, step))
                halves.append(emit_parts(builder, emit_load_first(builder, x, here, inside), parts))
            for part, (one, other) in enumerate(zip(*halves, strict=True)):
                upper = builder.shl(builder.zext(other, _words), shift)
                pairs = builder.or_(builder.zext(one, _words), upper)
                builder.store(pairs, _line(builder, words, part, line.index)).align = 4
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def _tile_of_columns_in_llvm(context, x, first, step, shape, factor, out, start):
    pair, parts = types.UniTuple(types.intp, 2), out.dtype.bitwidth // 16
    signature = types.void(FLOATS, types.intp, types.intp, pair, types.float32, out, types.intp)

    def generate(context, builder, signature, values):
        x, out = (emit_data(context, builder, signature.args[n], values[n]) for n in (0, 5))
        _, first, step, shape, factor, _, start = values
        (rows, columns), scale = unpack_tuple(builder, shape, 2), emit_broadcast(builder, factor)
        words, squares = _words_of(builder, out, start, parts), [[] for _ in range(parts)]
        both = ir.Constant(ir.VectorType(ir.IntType(32), 2 * LANES), list(range(2 * LANES)))
        for column in range(TILE_COLUMNS):
            inside = builder.icmp_signed("<", integer(column), columns)
            here, halves = builder.add(first, builder.mul(step, integer(column))), []
            for n in (0, LANES):
                left = builder.select(inside, builder.sub(rows, integer(n)), integer(0))
                numbers = emit_load_first(builder, x, builder.add(here, integer(n)), left)
                halves.append(emit_parts(builder, builder.fmul(numbers, scale), parts))
            for square, (one, other) in zip(squares, zip(*halves, strict=True), strict=True):
                square.append(builder.bitcast(builder.shuffle_vector(one, other, both), _words))
        for part, square in enumerate(squares):
            for n, pairs in enumerate(emit_transposed(builder, square)):
                builder.store(pairs, _line(builder, words, part, integer(n))).align = 4
        return context.get_dummy_value()

    return signature, generate


tile_of_rows = _tile_of_rows_in_python if config.DISABLE_JIT else _tile_of_rows_in_llvm
"""Write the tile ``out[start:][:512]`` of ``w[r, c] = x[first + r * step + c]``, zeros where ``r`` or ``c`` is outside
of ``shape``. ``out`` is an int16 or int32 array: bfloat16 numbers, or two for each."""
tile_of_columns = _tile_of_columns_in_python if config.DISABLE_JIT else _tile_of_columns_in_llvm
"""The same of ``w[r, c] = x[first + c * step + r] * factor``."""
