"""AMX tiles: the instruction in software, the micro-kernel and what is packed for it, and the hardware's machine code.

Where kernels are compiled for tiles in hardware, the same tests compare the hardware.
"""

import re
from concurrent.futures import ThreadPoolExecutor

import llvmlite.binding as llvm
import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from support.tile_pseudocode import linear_on_tiles, multiply_add
from support.window_bounds import convolved

from numpy_vitmatte.kernels.bfloat16 import round_to_bfloat16, split, to_float32
from numpy_vitmatte.kernels.conv import conv_rows, pack_conv
from numpy_vitmatte.kernels.conv3x3 import conv3x3_scratch, convolve_rows, convolve_two_rows
from numpy_vitmatte.kernels.direct_conv import direct_conv3x3
from numpy_vitmatte.kernels.keys_values import Grid, Head, KeyChunk, KeysValues, pack_keys_values, packed_sizes
from numpy_vitmatte.kernels.matmul import linear, pack
from numpy_vitmatte.kernels.regions import Rectangle, zero_padded_copy
from numpy_vitmatte.kernels.square_tile import SquareTile, emit_square_tile
from numpy_vitmatte.kernels.tile_packing import PARTS, pack_tiles, unpacked_tiles
from numpy_vitmatte.kernels.tiles import HardwareTiles, SoftwareTiles
from numpy_vitmatte.kernels.vectors import emit_data
from numpy_vitmatte.kernels.views import view
from numpy_vitmatte.kernels.winograd import output_tiles, pack_conv3x3
from numpy_vitmatte.runtime.jit import EXACT_ORDER, kernel
from numpy_vitmatte.testing import assert_within, summation_bound

ONE_PART, TWO_PARTS = np.int16, np.int32
KEPT = {ONE_PART: 2.0**-7, TWO_PARTS: 2.0**-14}
"""The largest error of a product, as a share of its terms' sizes: with room to spare."""
EACH_TYPE = pytest.mark.parametrize("dtype", [ONE_PART, TWO_PARTS])


def normal(generator, *shapes):
    """Random float32 arrays."""
    return [generator.standard_normal(shape).astype(np.float32) for shape in shapes]


def for_tiles(matrix, dtype, segments=1):
    """A packed matrix, laid out for tiles."""
    return matrix._replace(panels=pack_tiles(matrix.panels, matrix.depth, segments, dtype))


def product_of_parts(x, w, parts):
    """In float64, the sum of the products of parts that is computed, and of their absolute values."""
    x, w = ([to_float32(part).astype(np.float64) for part in split(array, parts)] for array in (x, w))
    pairs = [(i, j) for i in range(parts) for j in range(parts - i)]
    return sum(x[i] @ w[j] for i, j in pairs), sum(np.abs(x[i]) @ np.abs(w[j]) for i, j in pairs)


def check(got, x, w, bias, dtype):
    """A product against the same in float64: one float32 rounding for each term, and for each part of a sum."""
    expected, magnitude = product_of_parts(x, w, PARTS[np.dtype(dtype)])
    assert_within(got, expected + bias, summation_bound(4 * len(w) + 8, magnitude + np.abs(bias)))


@intrinsic
def _software_product(context, sums, x, w):
    floats, bits = types.Array(types.float32, 1, "C"), types.Array(types.uint16, 1, "C")
    signature = types.void(floats, bits, bits)

    def generate(context, builder, signature, values):
        tiles, step = SoftwareTiles(), ir.IntType(64)(64)
        data = [emit_data(context, builder, kind, value) for kind, value in zip(signature.args, values, strict=True)]
        for tile, address in zip((2, 5, 7), data, strict=True):
            tiles.load(builder, tile, address, step)
        tiles.multiply_add(builder, 2, 5, 7)
        tiles.store(builder, 2, data[0], step)
        return context.get_dummy_value()

    return signature, generate


@pytest.mark.compiled
@pytest.mark.parametrize("numbers", ["normal", "tiny", "special"])
def test_the_instruction_in_software(numbers):
    """Bit by bit by the manual's pseudocode: sums of many terms, numbers below 2**-126, infinities and NaN."""
    rng = np.random.default_rng(7)
    x, w, sums = normal(rng, (16, 32), (32, 16), (16, 16))
    if numbers == "tiny":
        x, sums = x * np.float32(2.0**-120), sums * np.float32(2.0**-127)
        w *= np.float32(2.0) ** rng.integers(-12, 2, w.shape).astype(np.float32)
    if numbers == "special":
        x[3, 4], x[5, 6], w[9, 2] = np.inf, np.nan, -np.inf
    x, w = to_float32(round_to_bfloat16(x)), to_float32(round_to_bfloat16(w))
    with np.errstate(all="ignore"):
        expected = multiply_add(sums, x, w)
    pairs = round_to_bfloat16(w).reshape(16, 2, 16).swapaxes(1, 2)  # [32, n] -> [16, n, 2]
    product = numba.njit(lambda sums, x, w: _software_product(sums, x, w))
    product(sums.reshape(-1), round_to_bfloat16(x).reshape(-1), np.ascontiguousarray(pairs).reshape(-1))
    np.testing.assert_array_equal(sums, expected)
    assert numbers != "tiny" or (0 < np.mean(sums == 0) < 1)


@EACH_TYPE
@settings(max_examples=25)
@given(st.integers(1, 70), st.integers(1, 70), st.integers(1, 70), st.integers(0, 2**32 - 1))
def test_linear(dtype, rows, depth, columns, seed):
    """Rows, columns and depths that fill no tile, and every shape of the register tile."""
    x, w, bias = normal(np.random.default_rng(seed), (rows, depth), (depth, columns), columns)
    check(linear(x, for_tiles(pack(w, bias), dtype)), x, w, bias, dtype)


@pytest.mark.compiled
@EACH_TYPE
def test_linear_bit_by_bit(dtype):
    """The order of all sums is that of the instruction, 32 terms at a time, smaller products first."""
    x, w, bias = normal(np.random.default_rng(1), (37, 75), (75, 40), 40)
    expected = linear_on_tiles(x, w, bias, PARTS[np.dtype(dtype)])
    np.testing.assert_array_equal(linear(x, for_tiles(pack(w, bias), dtype)), expected)


@EACH_TYPE
def test_a_row_has_the_same_bits_in_every_tile(dtype):
    """Some rows alone give what they give among others: tiles and threads change nothing."""
    x, w = normal(np.random.default_rng(4), (61, 40), (40, 50))
    matrix = for_tiles(pack(w), dtype)
    whole = linear(x, matrix)
    for first, last in ((0, 1), (3, 20), (10, 61)):
        np.testing.assert_array_equal(linear(x[first:last], matrix), whole[first:last])


def test_what_two_parts_keep():
    """Three products of bfloat16 numbers are within 2**-14 of the float32 product's terms; one is within 2**-7."""
    x, w = normal(np.random.default_rng(2), (20, 300), (300, 20))
    exact, magnitude = x.astype(np.float64) @ w, np.abs(x).astype(np.float64) @ np.abs(w)
    for dtype, bound in KEPT.items():
        error = np.abs(linear(x, for_tiles(pack(w), dtype)) - exact) / magnitude
        assert bound / 500 < error.max() < bound


@EACH_TYPE
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("channels", [6, 32])
def test_convolution(dtype, stride, channels):
    """Windows overlap. Those of 32 channels fill whole tiles and are rounded once."""
    image, weight = normal(np.random.default_rng(3), (7, 24, channels), (20, channels, 3, 3))
    if stride == 2:
        image[:, -1] = np.nan  # no window reads it: the zeros that fill a tile must not meet it
    got = conv_rows(image, for_tiles(pack_conv(weight), dtype, 3), 0, 2, stride=stride)
    windows = np.lib.stride_tricks.sliding_window_view(image, (3, 3), axis=(0, 1))[::stride, ::stride][:2]
    x = windows.transpose(0, 1, 3, 4, 2).reshape(-1, 9 * channels)  # [H, W, C, 3, 3] -> [., 3 * 3 * C]
    check(got.reshape(-1, 20), x, weight.transpose(2, 3, 1, 0).reshape(-1, 20), np.zeros(20), dtype)


@pytest.mark.parametrize(("channels", "outputs"), [(16, 16), (16, 48), (32, 64), (5, 5)])
def test_weights_come_back_from_the_sums_of_winograd(channels, outputs):
    """To float32's rounding, which two bfloat16 numbers do not keep; where there are no such sums they are the same."""
    weight, bias = normal(np.random.default_rng(8), (outputs, channels, 3, 3), outputs)
    direct = direct_conv3x3(pack_conv3x3(weight, bias), TWO_PARTS)
    expected = pack_conv(weight, bias)
    found = sum(unpacked_tiles(direct.panels))
    stored = sum(unpacked_tiles(for_tiles(expected, TWO_PARTS, 3).panels))
    assert_within(found, stored, 2.0**-16 * np.abs(weight).max())
    (image,) = normal(np.random.default_rng(9), (5, 6, channels))
    got, exact = (convolve_rows(image, conv, 0, 3) for conv in (direct, pack_conv3x3(weight, bias)))
    assert_within(got, exact, 2.0**-14 * 9 * channels)


@kernel(EXACT_ORDER, allocates=True)
def rows_of_rectangle(x, rectangle, conv, out):
    """From the even row and column at or before its corner on, by pairs of rows that share what they keep."""
    top, left, bottom, right = rectangle
    tiles = output_tiles(left, right)
    scratch, size = conv3x3_scratch(conv, tiles), 4 * tiles * conv.columns
    for n in range((bottom + 1) // 2 - top // 2):
        convolve_two_rows(x, 2 * (top // 2 + n), rectangle, conv, scratch, view(out, n * size, (size,)))


@EACH_TYPE
@settings(max_examples=25)
@given(data=st.data(), channels=st.sampled_from([3, 16, 32]), outputs=st.sampled_from([5, 32]))
def test_direct_convolution_of_a_rectangle(dtype, data, channels, outputs):
    """Any rectangle, from a piece just large enough: each row of pixels is rounded once, and two are moved on."""
    height, width = data.draw(st.integers(1, 9)), data.draw(st.integers(1, 40))
    shapes = (height, width, channels), (outputs, channels, 3, 3), outputs
    image, weight, bias = normal(np.random.default_rng(height), *shapes)
    top, left = data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))
    bottom, right = data.draw(st.integers(top + 1, height)), data.draw(st.integers(left + 1, width))
    rectangle, conv = Rectangle(top, left, bottom, right), direct_conv3x3(pack_conv3x3(weight, bias), dtype)
    rows, tiles = (bottom + 1) // 2 * 2 - top // 2 * 2, output_tiles(left, right)
    out = np.full((rows, 2 * tiles, outputs), np.nan, np.float32)
    rows_of_rectangle(zero_padded_copy(image, rectangle.expanded(1)), tuple(rectangle), conv, out.reshape(-1))
    got = out[top % 2 :, left % 2 :][: bottom - top, : right - left]
    expected, magnitude = convolved(image, weight, bias), convolved(np.abs(image), np.abs(weight), 0 * bias)
    bound = KEPT[dtype] * magnitude
    assert_within(got, expected[top:bottom, left:right], bound[top:bottom, left:right])


@EACH_TYPE
def test_keys_and_values_are_packed_as_matrices(dtype):
    """A block of 37 tokens in two chunks, depths that fill no tile: as the packed matrices of the same numbers."""
    heads, depth, grid = 2, 19, Grid(1, 37)
    (keys_values,) = normal(np.random.default_rng(5), (37, 2 * heads * depth))
    sizes = packed_sizes(1, 37, depth, np.zeros(0, dtype))
    keys, values = (np.full(size, 77, dtype) for size in sizes)
    for begin, end in ((0, 32), (32, 37)):
        packed = KeysValues(keys, values)
        pack_keys_values(keys_values[begin:end], KeyChunk(0, begin, end), grid, Head(1, heads), packed)
    parts = keys_values.reshape(37, 2, heads, depth)[:, :, 1]
    scaled = parts[:, 0].T * np.float32(depth**-0.5)
    for got, own in ((keys, scaled), (values, parts[:, 1])):
        expected = for_tiles(pack(own), dtype).panels
        np.testing.assert_array_equal(got[: expected.size], expected)


def test_sixteen_threads():
    """Each has tiles of its own."""
    x, w = normal(np.random.default_rng(6), (40, 64), (64, 48))
    matrix = for_tiles(pack(w), TWO_PARTS)
    expected = linear(x, matrix)
    with ThreadPoolExecutor(16) as pool:
        for result in pool.map(lambda _: linear(x, matrix), range(32)):
            np.testing.assert_array_equal(result, expected)


NAMES = ("x", "x_step", "segments", "segment_step", "depth", "w", "bias", "out", "out_step")


def machine_code(parts, rows, panels):
    """Assembly of a register tile of tiles for Intel's Sapphire Rapids."""
    module, number, floats = ir.Module("tile"), ir.IntType(64), ir.FloatType().as_pointer()
    module.triple = "x86_64-unknown-linux-gnu"
    pointers = {"x": ir.IntType(16).as_pointer(), "w": ir.IntType(16 * parts).as_pointer()}
    pointers |= dict.fromkeys(("bias", "out"), floats)
    kinds = [pointers.get(name, number) for name in NAMES]
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), [*kinds, number]), "tile")
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    how, (*values, part_step) = SquareTile(HardwareTiles(), parts), function.args
    how.tiles.configure(builder)
    emit_square_tile(builder, how, rows, panels, dict(zip(NAMES, values, strict=True)), part_step)
    how.tiles.release(builder)
    builder.ret_void()
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    machine = llvm.Target.from_triple(module.triple).create_target_machine(cpu="sapphirerapids", opt=3)
    return machine.emit_assembly(llvm.parse_assembly(str(module)))


@pytest.mark.compiled
@pytest.mark.parametrize(("rows", "panels"), [(32, 2), (32, 1), (16, 2), (16, 1)])
@pytest.mark.parametrize("parts", [1, 2])
def test_machine_code(parts, rows, panels):
    """A product for each pair of tiles and of parts, a load for each tile, and no tile moves to memory and back."""
    code = machine_code(parts, rows, panels)
    down, products = rows // 16, {1: 1, 2: 3}[parts]
    counts = {name: len(re.findall(rf"\t{name}\b", code)) for name in ("tdpbf16ps", "tileloadd", "tilestored")}
    assert counts == {
        "tdpbf16ps": products * down * panels,
        "tileloadd": down * panels + parts * (down + panels),  # the bias; then each part once
        "tilestored": down * panels,
    }
    for name, count in (("ldtilecfg", 1), ("sttilecfg", 0), ("tilezero", 0), ("tilerelease", 1)):
        assert len(re.findall(rf"\t{name}\b", code)) == count
    inner = code[code.index("tdpbf16ps") : code.rindex("tdpbf16ps")]
    assert "tilestored" not in inner
    assert "ldtilecfg" not in inner
