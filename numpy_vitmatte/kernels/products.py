"""The three implementations of the micro-kernel's products, and the one place where they are chosen.

``PRODUCTS`` chooses by the type of the weights: float32 numbers, bfloat16 numbers in pairs, or in AMX tiles. For the
first two a class here writes the products of one round of the inner loop. Everything above, from the sweep over rows
and columns to the layers, is written once.
"""

from typing import Any, Protocol

from llvmlite import ir
from numba import types
from numba.core.cgutils import get_or_insert_function

from numpy_vitmatte.kernels.rounding import BFloat
from numpy_vitmatte.kernels.square_tile import SquareTile
from numpy_vitmatte.kernels.tiles import HardwareTiles, SoftwareTiles, Tiles
from numpy_vitmatte.kernels.vectors import emit_broadcast, emit_load, emit_multiply_add
from numpy_vitmatte.runtime.precision import has_bfloat16_products, has_tiles


class Products(Protocol):
    """The way in which numbers of ``x`` and ``w`` are read and multiplied.

    Attributes
    ----------
    numbers : int
        Numbers of a row that one round takes.
    """

    numbers: int

    def load(self, builder: ir.IRBuilder, base: ir.Value, index: ir.Value, lanes: int) -> Any:
        """Emit the weights of ``lanes`` columns."""

    def broadcast(self, builder: ir.IRBuilder, row: ir.Value, index: ir.Value, lanes: int) -> Any:
        """Emit the numbers of one row of input, for all columns."""

    def multiply_add(self, builder: ir.IRBuilder, x: Any, w: Any, total: ir.Value) -> ir.Value:
        """Emit ``total + x * w``."""


class Float32:
    """One float32 a round, by a fused multiply-add."""

    numbers = 1

    def load(self, builder: ir.IRBuilder, base: ir.Value, index: ir.Value, lanes: int) -> ir.Value:
        """Emit the weights of ``lanes`` columns."""
        return emit_load(builder, base, index, lanes)

    def broadcast(self, builder: ir.IRBuilder, row: ir.Value, index: ir.Value, lanes: int) -> ir.Value:
        """Emit one number for all columns."""
        return emit_broadcast(builder, builder.load(builder.gep(row, [index])), lanes)

    def multiply_add(self, builder: ir.IRBuilder, x: ir.Value, w: ir.Value, total: ir.Value) -> ir.Value:
        """Emit ``total + x * w``."""
        return emit_multiply_add(builder, x, w, total)


_PAIR = ir.IntType(32)


class BFloat16Pairs:
    """Two bfloat16 numbers a round, by ``vdpbf16ps``: ``(total + x[1] * w[1]) + x[0] * w[0]``, summed in float32."""

    numbers = 2
    _lanes = 16
    _pairs, _sums = ir.VectorType(BFloat(), 32), ir.VectorType(ir.FloatType(), 16)

    def load(self, builder: ir.IRBuilder, base: ir.Value, index: ir.Value, lanes: int) -> ir.Value:
        """Emit the pairs of 16 columns."""
        vector = ir.VectorType(_PAIR, self._lanes)
        value = builder.load(builder.bitcast(builder.gep(base, [index]), vector.as_pointer()))
        value.align = 2
        return builder.bitcast(value, self._pairs)

    def broadcast(self, builder: ir.IRBuilder, row: ir.Value, index: ir.Value, lanes: int) -> ir.Value:
        """Emit one pair for all columns."""
        pair = builder.load(builder.bitcast(builder.gep(row, [index]), _PAIR.as_pointer()))
        pair.align = 2
        return builder.bitcast(emit_broadcast(builder, pair, self._lanes), self._pairs)

    def multiply_add(self, builder: ir.IRBuilder, x: ir.Value, w: ir.Value, total: ir.Value) -> ir.Value:
        """Emit the sum of both products and ``total``."""
        kind = ir.FunctionType(self._sums, [self._sums, self._pairs, self._pairs])
        function = get_or_insert_function(builder.module, kind, "llvm.x86.avx512bf16.dpbf16ps.512")
        return builder.call(function, [total, x, w])


class WidenedPairs:
    """The same on processors without that instruction, for tests and pictures: two multiply-adds of float32 numbers."""

    numbers = 2

    def load(self, builder: ir.IRBuilder, base: ir.Value, index: ir.Value, lanes: int) -> tuple[ir.Value, ir.Value]:
        """Emit the first and second numbers of the pairs of some columns."""
        vector = ir.VectorType(_PAIR, lanes)
        value = builder.load(builder.bitcast(builder.gep(base, [index]), vector.as_pointer()))
        value.align = 2
        return self._halves(builder, value, lanes)

    def broadcast(self, builder: ir.IRBuilder, row: ir.Value, index: ir.Value, lanes: int) -> tuple[ir.Value, ir.Value]:
        """Emit both numbers of a pair for all columns."""
        pair = builder.load(builder.bitcast(builder.gep(row, [index]), _PAIR.as_pointer()))
        pair.align = 2
        return self._halves(builder, emit_broadcast(builder, pair, lanes), lanes)

    def _halves(self, builder: ir.IRBuilder, pairs: ir.Value, lanes: int) -> tuple[ir.Value, ir.Value]:
        floats = ir.VectorType(ir.FloatType(), lanes)
        shift, mask = (ir.Constant(pairs.type, [number] * lanes) for number in (16, 0xFFFF0000))
        first = builder.bitcast(builder.shl(pairs, shift), floats)
        return first, builder.bitcast(builder.and_(pairs, mask), floats)

    def multiply_add(
        self, builder: ir.IRBuilder, x: tuple[ir.Value, ir.Value], w: tuple[ir.Value, ir.Value], total: ir.Value
    ) -> ir.Value:
        """Emit the sum of both products and ``total``."""
        second = emit_multiply_add(builder, x[1], w[1], total)
        return emit_multiply_add(builder, x[0], w[0], second)


TILES: Tiles = HardwareTiles() if has_tiles() else SoftwareTiles()
"""The tiles that kernels are compiled for: where there are none, or no permission, their software twin."""

PRODUCTS: dict[Any, Products | SquareTile] = {
    types.float32: Float32(),
    types.uint16: BFloat16Pairs() if has_bfloat16_products() else WidenedPairs(),
    types.int16: SquareTile(TILES, 1),
    types.int32: SquareTile(TILES, 2),
}
"""The implementation for each type of packed weights. The integers are labels: uint16 stands for bfloat16 numbers in
pairs, int16 for bfloat16 numbers in tiles, and int32 for two of them for each number, in tiles."""
