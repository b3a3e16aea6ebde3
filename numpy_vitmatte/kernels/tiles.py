"""The instructions for Intel's AMX tiles, and the same in software.

A *tile* is a register of 16 rows of 64 bytes: 16 x 16 float32 sums, or 16 rows of 32 bfloat16 numbers. There are eight.
One instruction multiplies two and adds the product to a third::

    sums[m, n] += sum_k  x[m, k] * w[k, n]        m, n < 16, k < 32

``x`` lies in its tile row by row. ``w`` lies there as pairs, like the weights of ``vdpbf16ps``: row ``r`` holds
``w[2r, 0], w[2r + 1, 0], w[2r, 1], w[2r + 1, 1], ...``, because the processor multiplies a pair of ``x`` by a pair of
``w`` at a time.

``Tiles`` is all that the micro-kernel needs to know: five instructions. ``HardwareTiles`` writes them.
``SoftwareTiles`` computes the same bits on any processor, for tests and pictures, with eight kilobytes on the stack in
the place of registers.
"""

from typing import Protocol

from llvmlite import ir
from numba.core.cgutils import for_range, get_or_insert_function, global_constant

from numpy_vitmatte.kernels.vectors import emit_broadcast, emit_multiply_add

TILE_ROWS = TILE_COLUMNS = 16
"""The sums of one tile."""
TILE_DEPTH = 32
"""Numbers of a row that one instruction sums."""
TILE_ROW_BYTES = 64
_TILES = 8

_byte, _int32, _integer = ir.IntType(8), ir.IntType(32), ir.IntType(64)
_pairs, _sums = ir.VectorType(_int32, TILE_COLUMNS), ir.VectorType(ir.FloatType(), TILE_COLUMNS)


class Tiles(Protocol):
    """Instructions for tiles. Registers are numbered from 0 to 7; ``step`` is the distance of rows in bytes."""

    def configure(self, builder: ir.IRBuilder) -> None:
        """Emit what makes eight tiles of 16 rows of 64 bytes available, until ``release``."""

    def load(self, builder: ir.IRBuilder, tile: int, address: ir.Value, step: ir.Value) -> None:
        """Emit the loading of 16 rows from memory; with a step of 0 all rows are the same."""

    def multiply_add(self, builder: ir.IRBuilder, sums: int, x: int, w: int) -> None:
        """Emit ``sums += x @ w``."""

    def store(self, builder: ir.IRBuilder, tile: int, address: ir.Value, step: ir.Value) -> None:
        """Emit the storing of 16 rows to memory."""

    def release(self, builder: ir.IRBuilder) -> None:
        """Emit what ends the use of tiles: from then on the system need not save them."""


class HardwareTiles:
    """The processor's own instructions.

    The numbers of the registers are part of them: LLVM assigns none, so that it never moves one to memory.
    """

    def configure(self, builder: ir.IRBuilder) -> None:
        """Emit ``ldtilecfg``. Its 64 bytes: the palette, then every tile's bytes in a row (16 bits) and its rows."""
        # There is room for sixteen tiles; zeros stand for the eight that this palette does not have.
        row_bytes = TILE_ROW_BYTES.to_bytes(2, "little") * _TILES + bytes(2 * _TILES)
        rows = bytes([TILE_ROWS] * _TILES) + bytes(_TILES)
        layout = bytes([1]) + bytes(15) + row_bytes + rows
        kind = ir.ArrayType(_byte, len(layout))
        constant = global_constant(builder.module, "tile_layout", ir.Constant(kind, bytearray(layout)))
        self._call(builder, "ldtilecfg", builder.bitcast(constant, _byte.as_pointer()))

    def load(self, builder: ir.IRBuilder, tile: int, address: ir.Value, step: ir.Value) -> None:
        """Emit ``tileloadd``."""
        self._call(builder, "tileloadd64", _byte(tile), builder.bitcast(address, _byte.as_pointer()), step)

    def multiply_add(self, builder: ir.IRBuilder, sums: int, x: int, w: int) -> None:
        """Emit ``tdpbf16ps``."""
        self._call(builder, "tdpbf16ps", *(_byte(tile) for tile in (sums, x, w)))

    def store(self, builder: ir.IRBuilder, tile: int, address: ir.Value, step: ir.Value) -> None:
        """Emit ``tilestored``."""
        self._call(builder, "tilestored64", _byte(tile), builder.bitcast(address, _byte.as_pointer()), step)

    def release(self, builder: ir.IRBuilder) -> None:
        """Emit ``tilerelease``."""
        self._call(builder, "tilerelease")

    def _call(self, builder: ir.IRBuilder, name: str, *arguments: ir.Value) -> None:
        kind = ir.FunctionType(ir.VoidType(), [argument.type for argument in arguments])
        builder.call(get_or_insert_function(builder.module, kind, f"llvm.x86.{name}"), arguments)


class SoftwareTiles:
    """The same by vectors, after the pseudocode of Intel's manual (volume 2, ``TDPBF16PS``), to the last bit.

    A product sums the first numbers of all pairs and the second ones apart, then both, then adds that to the tile. A
    product of two bfloat16 numbers is a float32, exactly. Numbers below 2**-126 count as zero, on their way in and out.
    """

    def configure(self, builder: ir.IRBuilder) -> None:
        """Do nothing."""

    def release(self, builder: ir.IRBuilder) -> None:
        """Do nothing."""

    def load(self, builder: ir.IRBuilder, tile: int, address: ir.Value, step: ir.Value) -> None:
        """Copy 16 rows from memory."""
        with for_range(builder, _integer(TILE_ROWS)) as row:
            value = builder.load(_line(builder, address, step, row.index))
            value.align = 1
            builder.store(value, self._row(builder, tile, row.index))

    def store(self, builder: ir.IRBuilder, tile: int, address: ir.Value, step: ir.Value) -> None:
        """Copy 16 rows to memory."""
        with for_range(builder, _integer(TILE_ROWS)) as row:
            value = builder.load(self._row(builder, tile, row.index))
            builder.store(value, _line(builder, address, step, row.index)).align = 1

    def multiply_add(self, builder: ir.IRBuilder, sums: int, x: int, w: int) -> None:
        """Call a function that adds the product of two tiles: written out each time it would take long to compile."""
        rows = [self._row(builder, tile, _integer(0)) for tile in (sums, x, w)]
        builder.call(_software_product(builder.module), rows)

    def _row(self, builder: ir.IRBuilder, tile: int, row: ir.Value) -> ir.Value:
        """Emit the address of a tile's row. Each function has eight tiles of its own, found again by their name."""
        name = "software_tiles"
        found = [one for one in builder.function.entry_basic_block.instructions if one.name.startswith(name)]
        if not found:
            with builder.goto_entry_block():
                found = [builder.alloca(ir.ArrayType(_pairs, _TILES * TILE_ROWS), name=name)]
        return builder.gep(found[0], [_int32(0), builder.add(row, _integer(tile * TILE_ROWS))])


def _line(builder: ir.IRBuilder, address: ir.Value, step: ir.Value, row: ir.Value) -> ir.Value:
    here = builder.gep(builder.bitcast(address, _byte.as_pointer()), [builder.mul(row, step)])
    return builder.bitcast(here, _pairs.as_pointer())


def _software_product(module: ir.Module) -> ir.Function:
    """Return the module's function of the first rows of three tiles that sets ``sums += x @ w``."""
    name = "software_tile_product"
    if name in module.globals:
        return module.globals[name]
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), [_pairs.as_pointer()] * 3), name)
    function.linkage = "internal"
    function.attributes.add("noinline")
    builder = ir.IRBuilder(function.append_basic_block())
    sums, x, w = function.args
    halves = [builder.alloca(_sums) for _ in range(2)]
    with for_range(builder, _integer(TILE_ROWS)) as m:
        pairs = builder.bitcast(builder.gep(x, [m.index]), _int32.as_pointer())
        for half in halves:
            builder.store(ir.Constant(_sums, [0.0] * TILE_COLUMNS), half)
        with for_range(builder, _integer(TILE_ROWS)) as k:
            pair = emit_broadcast(builder, builder.load(builder.gep(pairs, [k.index])), TILE_COLUMNS)
            columns = builder.load(builder.gep(w, [k.index]))
            for one, other, half in zip(_widened(builder, pair), _widened(builder, columns), halves, strict=True):
                total = emit_multiply_add(builder, one, other, builder.load(half))
                builder.store(_flushed(builder, total), half)
        product = _flushed(builder, builder.fadd(*(builder.load(half) for half in halves)))
        target = builder.bitcast(builder.gep(sums, [m.index]), _sums.as_pointer())
        builder.store(_flushed(builder, builder.fadd(_flushed(builder, builder.load(target)), product)), target)
    builder.ret_void()
    return function


def _widened(builder: ir.IRBuilder, pairs: ir.Value) -> tuple[ir.Value, ir.Value]:
    """Emit the first and second numbers of pairs of bfloat16, as float32."""
    shift, mask = (ir.Constant(_pairs, [number] * TILE_COLUMNS) for number in (16, 0xFFFF0000))
    both = builder.shl(pairs, shift), builder.and_(pairs, mask)
    first, second = (_flushed(builder, builder.bitcast(bits, _sums)) for bits in both)
    return first, second


def _flushed(builder: ir.IRBuilder, numbers: ir.Value) -> ir.Value:
    """Emit numbers of which those below 2**-126 have become zero, with their sign."""
    exponent, sign, zero = (ir.Constant(_pairs, [bits] * TILE_COLUMNS) for bits in (0x7F800000, 0x80000000, 0))
    bits = builder.bitcast(numbers, _pairs)
    small = builder.icmp_unsigned("==", builder.and_(bits, exponent), zero)
    return builder.bitcast(builder.select(small, builder.and_(bits, sign), bits), _sums)
