"""Rounding to bfloat16 in kernels, 16 numbers at a time: the same bits as ``bfloat16.split``.

Processors whose products take bfloat16 numbers round a vector by one instruction. Elsewhere it is integer arithmetic,
written as vectors, because Numba would widen integers of 32 bits to 64.
"""

from collections.abc import Callable

import numpy as np
from llvmlite import ir
from numba import types
from numba.core.cgutils import for_range_slice, get_or_insert_function
from numba.extending import intrinsic

from numpy_vitmatte.kernels import bfloat16
from numpy_vitmatte.kernels.bfloat16 import split
from numpy_vitmatte.kernels.vectors import (
    FLOATS,
    LANES,
    emit_data,
    emit_load,
    emit_load_first,
    integer,
)
from numpy_vitmatte.runtime.jit import config
from numpy_vitmatte.runtime.precision import has_bfloat16_products

_floats, _words, _halves = (ir.VectorType(number, LANES) for number in (ir.FloatType(), ir.IntType(32), ir.IntType(16)))
_BITS = types.Array(types.uint16, 1, "C")


class BFloat(ir.Type):
    """LLVM's type of bfloat16 numbers, which llvmlite does not have; its printer needs no more than the name."""

    null, intrinsic_name = "0.0", "bf16"

    def _to_string(self) -> str:
        return "bfloat"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, BFloat)

    def __hash__(self) -> int:
        return hash(BFloat)


def _rounded_by_one_instruction(builder: ir.IRBuilder, numbers: ir.Value) -> ir.Value:
    kind = ir.FunctionType(ir.VectorType(BFloat(), LANES), [_floats])
    function = get_or_insert_function(builder.module, kind, "llvm.x86.avx512bf16.cvtneps2bf16.512")
    return builder.bitcast(builder.call(function, [numbers]), _halves)


def _rounded_by_integers(builder: ir.IRBuilder, numbers: ir.Value) -> ir.Value:
    """Write ``bfloat16.round_to_bfloat16``, line by line."""
    constants = (bfloat16.SHIFT, bfloat16.SIZE, bfloat16.HALF, bfloat16.ONE, bfloat16.QUIET)
    shift, size_bits, half, one, quiet = (ir.Constant(_words, [int(number)] * LANES) for number in constants)
    smallest, infinity = (ir.Constant(_words, [int(n)] * LANES) for n in (bfloat16.SMALLEST, bfloat16.INFINITY))
    bits = builder.bitcast(numbers, _words)
    upper, size = builder.lshr(bits, shift), builder.and_(bits, size_bits)
    sign = builder.lshr(builder.xor(bits, size), shift)
    raised = builder.add(builder.add(size, half), builder.and_(upper, one))
    rounded = builder.or_(builder.lshr(raised, shift), sign)
    rounded = builder.select(builder.icmp_unsigned("<", size, smallest), sign, rounded)
    rounded = builder.select(builder.icmp_unsigned(">", size, infinity), builder.or_(upper, quiet), rounded)
    return builder.trunc(rounded, _halves)


def emit_parts(builder: ir.IRBuilder, numbers: ir.Value, parts: int) -> list[ir.Value]:
    """Emit ``bfloat16.split`` of 16 numbers: for each part a vector of 16-bit integers."""
    rounded = _rounded_by_one_instruction if has_bfloat16_products() else _rounded_by_integers
    shift, found = ir.Constant(_words, [int(bfloat16.SHIFT)] * LANES), [rounded(builder, numbers)]
    while len(found) < parts:
        taken = builder.bitcast(builder.shl(builder.zext(found[-1], _words), shift), _floats)
        numbers = builder.fsub(numbers, taken)
        found.append(rounded(builder, numbers))
    return found


def _make_round_run(parts: int) -> Callable[..., None]:
    """Build the function that rounds a run of numbers, callable inside kernels."""

    def in_python(x, first, count, out, start, width, part_step):
        for n, part in enumerate(split(x[first:][:count], parts)):
            out[start + n * part_step :][:width] = np.pad(part, (0, width - count))

    @intrinsic
    def in_llvm(context, x, first, count, out, start, width, part_step):
        signature = types.void(FLOATS, types.intp, types.intp, _BITS, *(types.intp,) * 3)

        def generate(context, builder, signature, values):
            _, first, count, _, start, width, part_step = values
            x, out = (emit_data(context, builder, signature.args[n], values[n]) for n in (0, 3))
            source, target = builder.gep(x, [first]), builder.gep(out, [start])
            full = builder.and_(count, integer(-LANES))
            # Whole vectors, then those that the run fills in part or not at all.
            for first, last, whole in ((integer(0), full, True), (full, width, False)):
                with for_range_slice(builder, first, last, integer(LANES), integer) as (k, _):
                    left = builder.sub(count, k)
                    numbers = emit_load(builder, source, k) if whole else emit_load_first(builder, source, k, left)
                    for n, part in enumerate(emit_parts(builder, numbers, parts)):
                        place = builder.gep(target, [builder.add(k, builder.mul(part_step, integer(n)))])
                        builder.store(part, builder.bitcast(place, _halves.as_pointer())).align = 2
            return context.get_dummy_value()

        return signature, generate

    return in_python if config.DISABLE_JIT else in_llvm


round_run, split_run = (_make_round_run(parts) for parts in (1, 2))
"""``out[start:][:width]`` becomes the bits of ``x[first:][:count]`` rounded to bfloat16, then zeros; up to ``SLACK``
numbers too many are written. ``split_run`` rounds what that leaves over, too, and writes it ``part_step`` numbers
behind."""
