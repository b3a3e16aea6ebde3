"""The micro-kernel on AMX tiles: 32 x 32 sums in four tiles, two tiles of input and two of weights.

Each product of two tiles takes the processor 16 cycles, and each load of a tile 8. Four sums that share two inputs and
two weights need one load for a product, so that products, not loads, take the time.

Where a number is the sum of two bfloat16 numbers, ``x = x1 + x2`` and ``w = w1 + w2``, three products stand for one:
``x2 w1 + x1 w1 + x1 w2``. From one to the next only one side is loaded.
"""

from typing import NamedTuple

from llvmlite import ir
from numba.core.cgutils import for_range

from numpy_vitmatte.kernels.tiles import TILE_COLUMNS, TILE_DEPTH, TILE_ROW_BYTES, TILE_ROWS, Tiles

PARTS_MULTIPLIED = {1: [(0, 0)], 2: [(1, 0), (0, 0), (0, 1)]}
"""By the number of parts: the parts of ``x`` and of ``w`` that are multiplied, in this order."""

_FIRST_SUM, _FIRST_INPUT, _FIRST_WEIGHT = 0, 4, 6
"""The eight registers: four of sums, two of input, two of weights."""
_WEIGHTS = TILE_DEPTH * TILE_COLUMNS
"""Numbers of a tile of weights."""
_integer = ir.IntType(64)


class SquareTile(NamedTuple):
    """The products of bfloat16 numbers by tiles, ``parts`` bfloat16 numbers for each float32."""

    tiles: Tiles
    parts: int


def emit_square_tile(
    builder: ir.IRBuilder, how: SquareTile, rows: int, panels: int, a: dict[str, ir.Value], part_step: ir.Value
) -> None:
    """Write the loop of ``tile_in_python`` for 16 or 32 ``rows`` and one or two panels.

    ``a`` holds pointers and 64-bit integers by name. The parts of ``x`` lie ``part_step`` numbers apart, behind all of
    its rows. Weights are laid out by ``tile_packing.pack_tiles``: the parts of each tile follow each other.
    """
    down, right = range(rows // TILE_ROWS), range(panels)
    sums = {(m, n): _FIRST_SUM + m * panels + n for m in down for n in right}
    inputs, weights = [_FIRST_INPUT + m for m in down], [_FIRST_WEIGHT + n for n in right]
    panel_size = builder.mul(builder.mul(a["segments"], a["depth"]), _integer(TILE_COLUMNS))
    row_bytes = builder.mul(a["x_step"], _integer(2))
    steps = builder.udiv(a["depth"], _integer(TILE_DEPTH))

    # Each sum begins as the bias of its columns, the same in every row.
    for (_, n), tile in sums.items():
        how.tiles.load(builder, tile, builder.gep(a["bias"], [_integer(n * TILE_COLUMNS)]), _integer(0))
    with for_range(builder, a["segments"]) as s:
        segment = builder.gep(a["x"], [builder.mul(s.index, a["segment_step"])])
        first = builder.mul(s.index, steps)
        with for_range(builder, steps) as k:
            x = builder.gep(segment, [builder.mul(k.index, _integer(TILE_DEPTH))])
            w = builder.gep(a["w"], [builder.mul(builder.add(first, k.index), _integer(_WEIGHTS))])
            loaded_x, loaded_w = None, None
            for i, j in PARTS_MULTIPLIED[how.parts]:
                for m in down if i != loaded_x else ():
                    place = builder.add(
                        builder.mul(a["x_step"], _integer(m * TILE_ROWS)), builder.mul(part_step, _integer(i))
                    )
                    how.tiles.load(builder, inputs[m], builder.gep(x, [place]), row_bytes)
                for n in right if j != loaded_w else ():
                    panel = builder.gep(w, [builder.mul(panel_size, _integer(n))])
                    part = builder.gep(builder.bitcast(panel, ir.IntType(16).as_pointer()), [_integer(j * _WEIGHTS)])
                    how.tiles.load(builder, weights[n], part, _integer(TILE_ROW_BYTES))
                for (m, n), tile in sums.items():
                    how.tiles.multiply_add(builder, tile, inputs[m], weights[n])
                loaded_x, loaded_w = i, j
    # The sums leave their registers once.
    for (m, n), tile in sums.items():
        place = builder.add(builder.mul(a["out_step"], _integer(m * TILE_ROWS)), _integer(n * TILE_COLUMNS))
        how.tiles.store(builder, tile, builder.gep(a["out"], [place]), builder.mul(a["out_step"], _integer(4)))
