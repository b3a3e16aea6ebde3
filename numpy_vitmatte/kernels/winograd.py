"""Winograd F(2x2, 3x3): 3x3 convolutions with 16 products for four outputs instead of 36.

Four outputs, an *output tile* of two by two, read 4 x 4 pixels ``d`` through the 3x3 weights ``g``. Winograd (1980; for
networks Lavin & Gray 2016, arXiv:1509.09308) found that the products may be made of sums of pixels and sums of
weights::

    outputs = A.T ((G g G.T) * (B.T d B)) A

           [1  0 -1  0]        [ 1    0    0 ]
    B.T =  [0  1  1  0]    G = [1/2  1/2  1/2]    A.T = [1  1  1  0]
           [0 -1  1  0]        [1/2 -1/2  1/2]          [0  1 -1 -1]
           [0  1  0 -1]        [ 0    0    1 ]

The weights' sums are made once, at load. With many channels each of the 16 products becomes a matrix product: output
tiles, a row each, times a matrix (C_in, C_out). The result is the same but for rounding, which is of the same size.

How an output is rounded depends on its place in the output tile, so output tiles begin at even rows and columns of the
image, whatever rectangle of it is computed. No output depends on a pixel outside its own 3x3 window, not even by
rounding.
"""

import functools
import itertools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numba import types
from numba.core.cgutils import unpack_tuple
from numba.extending import intrinsic

from numpy_vitmatte.kernels.conv import pack_conv
from numpy_vitmatte.kernels.integers import greater, lesser
from numpy_vitmatte.kernels.matmul import PackedMatrix, Rows, Segments, pack, sweep
from numpy_vitmatte.kernels.microkernel import NR, PANEL
from numpy_vitmatte.kernels.vectors import FLOATS, LANES, emit_data, emit_load, emit_store, integer
from numpy_vitmatte.kernels.views import flattened, view
from numpy_vitmatte.runtime.jit import CALLED, EXACT_ORDER, INLINED, ONE, PART, ZERO, config, kernel
from numpy_vitmatte.runtime.workspace import aligned_concatenate, aligned_scratch, filled_scratch

PLACES = 16
OUTPUTS_AT_A_TIME = NR
"""Channels of the result whose 16 products exist at one time: as many as a register tile has columns."""

INPUT = np.array([[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]], np.float32)  # B.T
WEIGHT = np.array([[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]])  # G
OUTPUT = np.array([[1, 1, 1, 0], [0, 1, -1, -1]], np.float32)  # A.T


class PackedConv3x3(NamedTuple):
    """A 3x3 convolution of stride 1, packed for one of three ways.

    Attributes
    ----------
    panels : float32 array (.,)
        For each 32 output channels, for each place of an output tile, a (C_in, 32) matrix as ``pack`` lays it out: they
        are read in the order in which they lie. Where channels do not fill whole vectors it is the (9 * C_in, C_out)
        matrix of ``pack_conv``; for AMX tiles an int16 or int32 array of that one (``direct_conv``).
    bias : float32 array (.,)
        One value per output channel, padded as by ``pack``.
    depth : int
        C_in.
    columns : int
        C_out.
    """

    panels: np.ndarray
    bias: np.ndarray
    depth: int
    columns: int


@kernel(EXACT_ORDER, INLINED)
def uses_winograd(inputs, outputs):
    """Say whether a convolution of so many channels is done this way: they must fill whole vectors."""
    return inputs % LANES == 0 and outputs % PANEL == 0


def pack_conv3x3(weight: np.ndarray, bias: np.ndarray | None = None) -> PackedConv3x3:
    """Pack a convolution's weight (C_out, C_in, 3, 3), as checkpoints store it, and its bias (C_out,)."""
    outputs, inputs, _, _ = weight.shape
    if not uses_winograd(inputs, outputs):
        direct = pack_conv(weight, bias)
        return PackedConv3x3(direct.panels, direct.bias, inputs, outputs)
    both = np.kron(WEIGHT, WEIGHT)  # [16, 9]: G on either side of a window, as one matrix
    windows = weight.astype(np.float64).reshape(-1, 9)  # [C_out, C_in, 3, 3] -> [C_out * C_in, 9]
    # Not by BLAS: its threads would go on spinning for a while, on the processors of the next step of a training.
    places = np.einsum("pk,nk->pn", both, windows).reshape(PLACES, outputs, inputs).swapaxes(1, 2).astype(np.float32)
    some = [places[:, :, first : first + OUTPUTS_AT_A_TIME] for first in range(0, outputs, OUTPUTS_AT_A_TIME)]
    panels = aligned_concatenate([pack(place).panels for group in some for place in group])
    return PackedConv3x3(panels, pack(places[0], bias).bias, inputs, outputs)


class _Arithmetic(NamedTuple):
    """Addition and subtraction of two vectors: by NumPy, or by instructions of LLVM."""

    add: Callable[[Any, Any], Any]
    subtract: Callable[[Any, Any], Any]


def _times(how: _Arithmetic, matrix: np.ndarray, values: Sequence[Any]) -> list[Any]:
    """Multiply a matrix of 0, 1 and -1 by a column of vectors; every row has a 1."""
    products = []
    for row in matrix.tolist():
        total = functools.reduce(how.add, itertools.compress(values, [factor == 1 for factor in row]))
        products.append(functools.reduce(how.subtract, itertools.compress(values, [n == -1 for n in row]), total))
    return products


def _from_both_sides(how: _Arithmetic, matrix: np.ndarray, grid: Sequence[Sequence[Any]]) -> list[list[Any]]:
    """Return ``matrix @ grid @ matrix.T``, where each entry of the grid is a vector."""
    columns = [_times(how, matrix, column) for column in zip(*grid, strict=True)]
    return [_times(how, matrix, row) for row in zip(*columns, strict=True)]


_NUMPY = _Arithmetic(np.add, np.subtract)


def _transform_input_in_python(x, rows, columns, k, out, start, step):
    pixels = [[x[row + column + k :][:LANES] for column in columns] for row in rows]
    for place, values in enumerate(itertools.chain(*_from_both_sides(_NUMPY, INPUT, pixels))):
        out[start + place * step :][:LANES] = values


@intrinsic
def _transform_input_in_llvm(context, x, rows, columns, k, out, start, step):
    places, number = types.UniTuple(types.intp, 4), types.intp
    signature = types.void(FLOATS, places, places, number, FLOATS, number, number)

    def generate(context, builder, signature, values):
        x, out = (emit_data(context, builder, FLOATS, values[n]) for n in (0, 4))
        down, across = (unpack_tuple(builder, values[n], 4) for n in (1, 2))
        _, _, _, k, _, start, step = values
        pixels = [
            [emit_load(builder, x, builder.add(builder.add(row, k), column)) for column in across] for row in down
        ]
        how = _Arithmetic(builder.fadd, builder.fsub)
        for place, value in enumerate(itertools.chain(*_from_both_sides(how, INPUT, pixels))):
            emit_store(builder, value, out, builder.add(start, builder.mul(step, integer(place))))
        return context.get_dummy_value()

    return signature, generate


def _transform_output_in_python(x, places, bias, c, out, target):
    start, step = places
    o, row, column = target
    products = [x[start + place * step :][:LANES] for place in range(PLACES)]
    outputs = _from_both_sides(_NUMPY, OUTPUT, [products[4 * n : 4 * n + 4] for n in range(4)])
    for i, j in np.ndindex(2, 2):
        out[o + i * row + j * column :][:LANES] = outputs[i][j] + bias[c:][:LANES]


@intrinsic
def _transform_output_in_llvm(context, x, places, bias, c, out, target):
    pair, triple = (types.UniTuple(types.intp, count) for count in (2, 3))
    signature = types.void(FLOATS, pair, FLOATS, types.intp, FLOATS, triple)

    def generate(context, builder, signature, values):
        x, bias, out = (emit_data(context, builder, FLOATS, values[n]) for n in (0, 2, 4))
        (start, step), c = unpack_tuple(builder, values[1], 2), values[3]
        o, row, column = unpack_tuple(builder, values[5], 3)
        products = [emit_load(builder, x, builder.add(start, builder.mul(step, integer(n)))) for n in range(PLACES)]
        how = _Arithmetic(builder.fadd, builder.fsub)
        grid = _from_both_sides(how, OUTPUT, [products[4 * n : 4 * n + 4] for n in range(4)])
        shift = emit_load(builder, bias, c)
        for i, j in np.ndindex(2, 2):
            here = builder.add(builder.mul(row, integer(i)), builder.mul(column, integer(j)))
            emit_store(builder, builder.fadd(grid[i][j], shift), out, builder.add(o, here))
        return context.get_dummy_value()

    return signature, generate


transform_input = _transform_input_in_python if config.DISABLE_JIT else _transform_input_in_llvm
"""``B.T d B`` of 16 channels: pixel (i, j) of ``d`` is ``x[rows[i] + columns[j] + k :][:16]``, place ``n`` of the
result goes to ``out[start + n * step :][:16]``."""
transform_output = _transform_output_in_python if config.DISABLE_JIT else _transform_output_in_llvm
"""``A.T m A + bias[c:]`` of 16 channels. With ``places = (start, step)`` place ``n`` of ``m`` is ``x[start + n * step
:][:16]``; with ``target = (o, row, column)`` output (i, j) goes to ``out[o + i * row + j * column :][:16]``."""


@kernel(EXACT_ORDER, INLINED)
def _four_places(first, count, step):
    """Return where rows (or columns) ``first .. first + 3`` of a piece that has ``count`` of them begin.

    Any of them will do outside the piece: only outputs that nobody asked for depend on it.
    """
    last = count - 1
    return (lesser(greater(first, 0), last) * step, lesser(greater(first + 1, 0), last) * step,
            lesser(greater(first + 2, 0), last) * step, lesser(greater(first + 3, 0), last) * step)  # fmt: skip


@kernel(EXACT_ORDER, PART)
def _transform_pixels(x, y, first, tiles, depth, transformed):
    """Sum the 4 x 4 pixels of output tiles (y, first), (y, first + 2), ..., place by place, (tiles, depth) each."""
    height, width, flat = x.values.shape[0], x.values.shape[1], flattened(x.values)
    rows, step = _four_places(y - 1 - x.top, height, width * depth), transformed.size // PLACES
    for t in range(tiles):
        columns = _four_places(first + 2 * t - 1 - x.left, width, depth)
        for k in range(0, depth, LANES):
            transform_input(flat, rows, columns, k, transformed, t * depth + k, step)


@kernel(EXACT_ORDER, INLINED)
def output_tiles(left, right):
    """Count the output tiles that cover columns ``left .. right - 1``; the first one begins at an even column."""
    return (right + 1) // 2 - left // 2


@kernel(EXACT_ORDER, CALLED, allocates=True)
def winograd_scratch(conv, tiles):
    """Allocate the sums of pixels of ``tiles`` output tiles, products of some of their channels, and a bias of zeros.

    A place has a sixteenth of sums and products, an odd number of cache lines, lest all 16 begin in a few sets of a
    cache.
    """
    tiles = tiles if uses_winograd(conv.depth, conv.columns) else 0
    sums, products = tiles * conv.depth // LANES | 1, tiles * OUTPUTS_AT_A_TIME // LANES | 1
    zeros = filled_scratch(np.intp(OUTPUTS_AT_A_TIME), np.float32(0))
    return aligned_scratch(PLACES * sums * LANES), aligned_scratch(PLACES * products * LANES), zeros


@kernel(EXACT_ORDER, PART)
def two_rows_by_winograd(x, y, first, tiles, conv, scratch, out):
    """Apply ``conv3x3.convolve_two_rows`` to output tiles (y, first), (y, first + 2), ..., whatever the rectangle."""
    (transformed, products, zeros), (panels, bias, depth, channels) = scratch, conv
    size, step = transformed.size // PLACES, products.size // PLACES
    _transform_pixels(x, y, first, tiles, depth, transformed)
    for c in range(0, channels, OUTPUTS_AT_A_TIME):
        count = lesser(channels - c, OUTPUTS_AT_A_TIME)
        for place in range(PLACES):
            own = view(panels, (c * PLACES + place * count) * depth, (count * depth,))
            matrix = PackedMatrix(own, zeros, depth, count)
            sweep(Rows(transformed, place * size, depth), tiles, Segments(ONE, ZERO, depth), matrix,
                  Rows(products, place * step, count))  # fmt: skip
        for t in range(tiles):
            for k in range(0, count, LANES):
                target = 2 * t * channels + c + k, 2 * tiles * channels, channels
                transform_output(products, (t * count + k, step), bias, c + k, out, target)
