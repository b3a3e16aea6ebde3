"""The micro-kernel: one small tile of a matrix product, held in registers. Every product of the network runs on it.

What it computes
----------------
For ``rows`` strided inputs and ``panels`` blocks of 16 output columns::

    out[m, n] = bias[n] + sum_s sum_k  x[m * x_step + s * segment_step + k]  *  w[s * depth + k, n]

With one segment this is a piece of a matrix product. With three segments, the three image rows under a 3x3 window, each
``3 * channels`` numbers long because channels are stored last, it is a piece of a convolution of any stride, with no
im2col copy. With 16 segments of ``16 * 4`` numbers it is the patch embedding. ``docs/micro-kernel.md`` works one
convolution out, with numbers.

Why this shape
--------------
A processor core can start two vector multiply-adds a cycle and each takes four cycles, so at least eight independent
sums must be under way; and per multiply-add it can read at most one vector from memory. A register tile of ``rows`` x
``vectors`` running sums needs ``vectors`` weight loads and ``rows`` broadcasts for ``rows * vectors`` multiply-adds, so
a tile is better if it is larger and closer to a square, until the registers are full:

=======  =========  ===========  ====================  ===============================
set      registers  floats each  tile, MR x NR         registers: sums + weights + x
=======  =========  ===========  ====================  ===============================
AVX2     16         8            6 x 16                12 + 2 + 1
AVX-512  32         16           12 x 32               24 + 2 + 1
NEON     32         4            6 x 16                24 + 4 + 1
=======  =========  ===========  ====================  ===============================

Weights are packed once, at load, into panels of 16 columns (``matmul.pack``), so the inner loop reads them as one
forward stream.

How to read the code
--------------------
``tile_in_python`` is the definition. ``emit_tile`` writes the same loop as LLVM instructions, because Numba's own
compiler cannot be told to keep a 2-D block of sums in registers. In LLVM's single-assignment form a loop variable is a
*phi*: "the value from before the loop, or the one from the end of the last round". There are two nested loops, over
segments and over ``k``, and every running sum is a phi in both. *gep* (get element pointer) moves a pointer by a number
of elements: ``gep(x, [k])`` is the address of ``x[k]``, and reads nothing.
"""

from collections.abc import Callable
from typing import Any

import llvmlite.binding
import numpy as np
from llvmlite import ir
from numba import types
from numba.core.errors import TypingError
from numba.extending import intrinsic
from numba.np.arrayobj import make_array

from numpy_vitmatte.kernels.bfloat16 import to_float32
from numpy_vitmatte.kernels.products import PRODUCTS, Products
from numpy_vitmatte.kernels.square_tile import PARTS_MULTIPLIED, SquareTile, emit_square_tile
from numpy_vitmatte.kernels.tile_packing import PARTS, unpacked_tiles
from numpy_vitmatte.kernels.tiles import Tiles
from numpy_vitmatte.kernels.vectors import LANES, emit_data, emit_load, emit_prefetch, emit_store, integer
from numpy_vitmatte.runtime.jit import config

PANEL = LANES
"""Columns of one packed panel of weights: one vector of 16, which is one cache line."""


def _vector_width() -> int:
    """Return the number of floats in a vector register of the processor that Numba compiles for."""
    if config.CPU_FEATURES is not None:
        features = set(config.CPU_FEATURES.replace("+", "").split(","))
    else:
        features = {name for name, present in llvmlite.binding.get_host_cpu_features().items() if present}
    return 16 if "avx512f" in features else 8 if "avx2" in features else 4


VECTOR_WIDTH = _vector_width()
MR = 12 if VECTOR_WIDTH == 16 else 6
"""Rows of a full register tile. ``MR`` and ``NR`` are the names of BLIS and of the papers on matrix products."""
NR = 32 if VECTOR_WIDTH == 16 else 16
"""Columns of a full register tile."""
TILE_PANELS = NR // PANEL
TALL_ROWS = MR * TILE_PANELS
SHORT_ROWS = MR // 3


def tile_in_python(
    rows: int,
    panels: int,
    x: np.ndarray,
    x_start: int,
    x_step: int,
    segments: int,
    segment_step: int,
    depth: int,
    w: np.ndarray,
    w_start: int,
    bias: np.ndarray,
    bias_start: int,
    out: np.ndarray,
    out_start: int,
    out_step: int,
) -> None:
    """Compute one tile. This is the plain twin of the machine code; it runs under ``NUMBA_DISABLE_JIT=1``.

    Parameters
    ----------
    rows, panels : int
        The tile writes ``rows`` rows of ``panels * 16`` columns.
    x, w, bias, out : float32 arrays, one-dimensional
        Input, packed weights, bias per column and output; each is entered at its ``..._start``. ``x`` and ``w`` may
        both be bits of bfloat16 numbers: ``x`` a uint16 array, ``w`` as ``round_packed`` or ``pack_tiles`` lays it out.
    x_step, out_step : int
        Distance between the tile's rows in ``x`` and in ``out``.
    segments, segment_step, depth : int
        A row of input is ``segments`` runs of ``depth`` numbers, ``segment_step`` apart.
    """
    size = segments * depth
    factors = [(x, w)]
    if w.dtype == np.uint16:
        factors = [(to_float32(x), _without_pairs(to_float32(w)))]
    elif w.dtype in PARTS:
        inputs, weights = to_float32(x).reshape(PARTS[w.dtype], -1), unpacked_tiles(w)
        factors = [(inputs[i], weights[j]) for i, j in PARTS_MULTIPLIED[PARTS[w.dtype]]]
    for m, p in np.ndindex(rows, panels):
        total, first = bias[bias_start + p * PANEL :][:PANEL], x_start + m * x_step
        for own, matrix in factors:
            row = np.concatenate([own[first + s * segment_step :][:depth] for s in range(segments)])
            total = total + row @ matrix[w_start + p * size * PANEL :][: size * PANEL].reshape(size, PANEL)
        out[out_start + m * out_step + p * PANEL :][:PANEL] = total


def _without_pairs(w: np.ndarray) -> np.ndarray:
    """Bring packed weights from pairs of rows, column by column, to row after row."""
    return w[: w.size // (2 * PANEL) * 2 * PANEL].reshape(-1, PANEL, 2).swapaxes(1, 2).reshape(-1)


def _phis(builder: ir.IRBuilder, values: list[ir.Value], block: ir.Block) -> list[ir.PhiInstr]:
    """Make one loop variable per value, entering the loop from ``block`` with that value."""
    phis = [builder.phi(value.type) for value in values]
    for phi, value in zip(phis, values, strict=True):
        phi.add_incoming(value, block)
    return phis


def _emit_products(
    builder: ir.IRBuilder, how: Products, inputs: list[ir.Value], columns: list[ir.Value], sums: list[ir.Value]
) -> list[ir.Value]:
    """Emit one round of the inner loop: ``sums[m, n] + inputs[m] * columns[n]``, row by row."""
    factors = [(x, w) for x in inputs for w in columns]
    return [how.multiply_add(builder, x, w, total) for (x, w), total in zip(factors, sums, strict=True)]


def _ask_for_next_panels(builder: ir.IRBuilder, weights: ir.Value, panel_size: ir.Value, panels: int) -> None:
    """Let the lines at the same place of the next tile's panels come into the cache.

    A processor looks ahead by itself, but not beyond a page of 4096 bytes, and a panel has several. Tiles of one panel
    have no load to spare for it, and where numbers go in pairs LLVM would move sums to memory.
    """
    for p in range(panels, 2 * panels):
        emit_prefetch(builder, builder.gep(weights, [builder.mul(panel_size, integer(p))]))


def emit_tile(builder: ir.IRBuilder, how: Products, rows: int, panels: int, lanes: int, a: dict[str, ir.Value]) -> None:
    """Write the loop of ``tile_in_python`` as LLVM instructions; ``a`` holds pointers and 64-bit integers by name.

    ``lanes`` floats make a vector. A list of sums has the tile's vectors row by row. ``how`` says what one round of the
    inner loop multiplies: a number of each row, or a pair.
    """
    vectors = [(p, lane) for p in range(panels) for lane in range(0, PANEL, lanes)]
    panel_size = builder.mul(builder.mul(a["segments"], a["depth"]), integer(PANEL))

    # Each sum begins as the bias of its columns.
    sums = [emit_load(builder, a["bias"], integer(p * PANEL + lane), lanes) for _ in range(rows) for p, lane in vectors]
    before = builder.block
    segment_loop, depth_loop, segment_end, done = (
        builder.append_basic_block(name) for name in ("segment", "depth", "segment_end", "done")
    )
    builder.branch(segment_loop)

    # for s in range(segments): find where its weights and its part of each row of x begin.
    builder.position_at_end(segment_loop)
    s, weights, *segment_sums = _phis(builder, [integer(0), a["w"], *sums], before)
    base = builder.gep(a["x"], [builder.mul(s, a["segment_step"])])
    x_rows = [builder.gep(base, [builder.mul(a["x_step"], integer(m))]) for m in range(rows)]
    builder.branch(depth_loop)

    # for k in range(0, depth, how.numbers): load one row of weights (or two), broadcast one number (or a pair) of each
    # row of x, add all their products.
    builder.position_at_end(depth_loop)
    k, *running = _phis(builder, [integer(0), *segment_sums], segment_loop)
    here = builder.gep(weights, [builder.mul(k, integer(PANEL))])
    offsets = [builder.add(builder.mul(panel_size, integer(p)), integer(how.numbers * lane)) for p, lane in vectors]
    columns = [how.load(builder, here, offset, lanes) for offset in offsets]
    if panels > 1 and how.numbers == 1:
        _ask_for_next_panels(builder, here, panel_size, panels)
    inputs = [how.broadcast(builder, row, k, lanes) for row in x_rows]
    updated = _emit_products(builder, how, inputs, columns, running)
    next_k = builder.add(k, integer(how.numbers))
    for phi, value in zip([k, *running], [next_k, *updated], strict=True):
        phi.add_incoming(value, depth_loop)
    builder.cbranch(builder.icmp_signed("<", next_k, a["depth"]), depth_loop, segment_end)

    # A segment ends: the weights of the next one follow, and the sums go on.
    builder.position_at_end(segment_end)
    next_s = builder.add(s, integer(1))
    next_weights = builder.gep(weights, [builder.mul(a["depth"], integer(PANEL))])
    for phi, value in zip([s, weights, *segment_sums], [next_s, next_weights, *updated], strict=True):
        phi.add_incoming(value, segment_end)
    builder.cbranch(builder.icmp_signed("<", next_s, a["segments"]), segment_loop, done)

    # The sums leave their registers once.
    builder.position_at_end(done)
    for index, value in enumerate(updated):
        m, n = divmod(index, len(columns))
        emit_store(builder, value, a["out"], builder.add(builder.mul(a["out_step"], integer(m)), integer(n * lanes)))


_ARGUMENTS = (
    *("x", "x_start", "x_step", "segments", "segment_step", "depth"),
    *("w", "w_start", "bias", "bias_start", "out", "out_start", "out_step"),
)
_ARRAYS = ("x", "w", "bias", "out")


def _make_tile(rows: int, panels: int) -> Callable[..., None]:
    """Build the function that computes a tile of ``rows`` rows and ``panels`` panels, callable inside kernels."""
    if config.DISABLE_JIT:
        return lambda *arguments: tile_in_python(rows, panels, *arguments)

    def typing(context, x, x_start, x_step, segments, segment_step, depth, w, w_start, bias, bias_start, out, out_start, out_step):  # fmt: skip  # noqa: E501
        kind = getattr(w, "dtype", None)
        number = types.float32 if kind == types.float32 else types.uint16
        for array, dtype in ((w, kind), (x, number), (bias, types.float32), (out, types.float32)):
            fits = isinstance(array, types.Array) and array.dtype == dtype and array.layout == "C"
            if not fits or kind not in PRODUCTS:
                raise TypingError(f"the tile works on contiguous arrays of float32, or of bfloat16's bits, not {array}")

        def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: tuple[ir.Value, ...]) -> ir.Value:
            named = dict(zip(_ARGUMENTS, values, strict=True))
            kinds = dict(zip(_ARGUMENTS, signature.args, strict=True))
            for name in _ARRAYS:
                data = emit_data(context, builder, kinds[name], named[name])
                named[name] = builder.gep(data, [named[f"{name}_start"]])
            how = PRODUCTS[kind]
            if isinstance(how, SquareTile):
                numbers = make_array(kinds["x"])(context, builder, values[0]).nitems
                emit_square_tile(builder, how, rows, panels, named, builder.udiv(numbers, integer(how.parts)))
            else:
                emit_tile(builder, how, rows, panels, min(VECTOR_WIDTH, PANEL), named)
            return context.get_dummy_value()

        integers = dict.fromkeys(_ARGUMENTS, types.intp)
        arrays = {"x": x, "w": w, "bias": bias, "out": out}
        return types.void(*(integers | arrays).values()), generate

    return intrinsic(typing)


full_tile = _make_tile(MR, TILE_PANELS)
"""``MR`` rows by ``NR`` columns: nearly all the time is spent here."""
tall_tile = _make_tile(TALL_ROWS, 1)
"""``TALL_ROWS`` rows by one panel, as many sums as a full tile has: the last panel where panels do not pair up."""
narrow_tile = _make_tile(MR, 1)
"""``MR`` rows by one panel, where there are too few for a tall tile."""
short_tile = _make_tile(SHORT_ROWS, TILE_PANELS)
"""``SHORT_ROWS`` rows by ``TILE_PANELS`` panels: for the rows that are left when whole tiles have been cut off."""
short_narrow_tile = _make_tile(SHORT_ROWS, 1)
"""``SHORT_ROWS`` rows by one panel."""
row_tile = _make_tile(1, 1)
"""One row by one panel: for inputs of fewer than ``SHORT_ROWS`` rows."""

square_tile, square_narrow_tile, square_short_tile, square_small_tile = (
    _make_tile(rows, panels) for rows, panels in ((32, 2), (32, 1), (16, 2), (16, 1))
)
"""32 or 16 rows by two panels or one, in AMX tiles: all shapes that there are, since a tile has 16 rows."""


def _make_switch(emit: Callable[[Tiles, ir.IRBuilder], None]) -> Callable[..., None]:
    """Build the function that switches tiles on or off for weights that need them, and does nothing for others."""
    if config.DISABLE_JIT:
        return lambda w: None

    def typing(context, w):
        def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: tuple[ir.Value, ...]) -> ir.Value:
            how = PRODUCTS[w.dtype]
            if isinstance(how, SquareTile):
                emit(how.tiles, builder)
            return context.get_dummy_value()

        return types.void(w), generate

    return intrinsic(typing)


configure_tiles = _make_switch(lambda tiles, builder: tiles.configure(builder))
"""What comes before the first tile that multiplies some weights."""
release_tiles = _make_switch(lambda tiles, builder: tiles.release(builder))
"""What comes after the last."""
