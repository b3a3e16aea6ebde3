"""The implementations of the micro-kernel's products: what they compute, and the instructions that LLVM writes."""

import llvmlite.binding as llvm
import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from llvmlite import ir
from numba import types

from numpy_vitmatte.kernels import microkernel
from numpy_vitmatte.kernels.bfloat16 import round_to_bfloat16, to_float32
from numpy_vitmatte.kernels.conv import conv_rows, pack_conv
from numpy_vitmatte.kernels.matmul import linear, pack, round_packed
from numpy_vitmatte.kernels.microkernel import MR, PANEL, TILE_PANELS, emit_tile
from numpy_vitmatte.kernels.products import PRODUCTS, BFloat16Pairs, WidenedPairs
from numpy_vitmatte.testing import assert_within, summation_bound

NAMES = ("x", "segments", "segment_step", "depth", "x_step", "w", "bias", "out", "out_step")
NUMBERS = ("segments", "segment_step", "depth", "x_step", "out_step")


def normal(generator, *shapes):
    """Random float32 arrays."""
    return [generator.standard_normal(shape).astype(np.float32) for shape in shapes]


def as_bfloat16(x):
    """The float64 numbers of a float32 array after rounding."""
    return to_float32(round_to_bfloat16(x)).astype(np.float64)


def check(got, x, w, bias):
    """A product of rounded numbers, summed in float32, against the same in float64."""
    x, w = as_bfloat16(x), as_bfloat16(w)
    magnitude = np.abs(x) @ np.abs(w) + np.abs(bias)
    assert_within(got, x @ w + bias, summation_bound(2 * len(w), magnitude))


@settings(max_examples=30)
@given(st.integers(1, 60), st.integers(1, 20), st.integers(1, 70), st.integers(0, 2**32 - 1))
def test_linear_of_rounded_weights(rows, pairs, columns, seed):
    """Inputs are rounded as the weights are; every kind of tile occurs."""
    x, w, bias = normal(np.random.default_rng(seed), (rows, 2 * pairs), (2 * pairs, columns), columns)
    check(linear(x, round_packed(pack(w, bias))), x, w, bias)


@pytest.mark.parametrize("stride", [1, 2])
def test_convolution_of_rounded_weights(stride):
    """Windows overlap, and a row of them has three segments."""
    image, weight = normal(np.random.default_rng(3), (9, 15, 6), (20, 6, 3, 3))
    got = conv_rows(image, round_packed(pack_conv(weight)), 0, 3, stride=stride)
    windows = np.lib.stride_tricks.sliding_window_view(image, (3, 3), axis=(0, 1))[::stride, ::stride][:3]
    x = windows.transpose(0, 1, 3, 4, 2).reshape(-1, 54)  # [H, W, C, 3, 3] -> [., 3 * 3 * C]
    check(got.reshape(-1, 20), x, weight.transpose(2, 3, 1, 0).reshape(-1, 20), np.zeros(20))


def test_a_row_has_the_same_bits_in_every_tile():
    """Some rows alone give what they give among others: tiles and threads change nothing."""
    x, w = normal(np.random.default_rng(4), (61, 40), (40, 50))
    matrix = round_packed(pack(w))
    whole = linear(x, matrix)
    for first, last in ((0, 1), (3, 8), (10, 61)):
        np.testing.assert_array_equal(linear(x[first:last], matrix), whole[first:last])


@pytest.mark.compiled
def test_without_the_instruction(monkeypatch):
    """On a processor without it two multiply-adds take its place. This runs that code on every processor."""
    monkeypatch.setitem(PRODUCTS, types.uint16, WidenedPairs())
    tile = microkernel._make_tile(MR, TILE_PANELS)

    @numba.njit
    def product(x, depth, w, bias, out):
        tile(x, 0, depth, 1, 0, depth, w, 0, bias, 0, out, 0, 2 * PANEL)

    depth, columns = 38, TILE_PANELS * PANEL
    x, w, bias = normal(np.random.default_rng(5), (MR, depth), (depth, columns), columns)
    out = np.empty((MR, columns), np.float32)
    product(round_to_bfloat16(x).reshape(-1), depth, round_packed(pack(w)).panels, bias, out.reshape(-1))
    check(out, x, w, bias)


def machine_code(how, cpu):
    """Assembly of a full tile of 12 rows and 32 columns for a processor by its name."""
    module = ir.Module("tile")
    module.triple = "x86_64-unknown-linux-gnu"
    number = ir.IntType(64)
    data = (ir.FloatType() if how.numbers == 1 else ir.IntType(16)).as_pointer()
    floats = ir.FloatType().as_pointer()
    kinds = {name: number if name in NUMBERS else data if name in ("x", "w") else floats for name in NAMES}
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), list(kinds.values())), "tile")
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    emit_tile(builder, how, 12, 2, 16, dict(zip(NAMES, function.args, strict=True)))
    builder.ret_void()
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    machine = llvm.Target.from_triple(module.triple).create_target_machine(cpu=cpu, opt=3)
    return machine.emit_assembly(llvm.parse_assembly(str(module)))


@pytest.mark.compiled
@pytest.mark.parametrize("cpu", ["znver4", "cooperlake"])
def test_machine_code_of_pairs(cpu):
    """24 sums, one instruction each, and none of them leaves its register inside the loop."""
    if llvm.llvm_version_info[0] < 16:
        return  # the kernels do not use the instruction there either
    code = machine_code(BFloat16Pairs(), cpu)
    assert code.count("vdpbf16ps") == 24
    assert "(%rsp)" not in "".join(line for line in code.splitlines() if "zmm" in line)


@pytest.mark.compiled
def test_machine_code_of_float32():
    """The same tile in float32 has 24 multiply-adds, and asks for a line of each of the next two panels."""
    code = machine_code(PRODUCTS[types.float32], "znver4")
    assert code.count("vfmadd") == 24
    assert code.count("prefetch") == 2
    assert "(%rsp)" not in "".join(line for line in code.splitlines() if "zmm" in line)
    assert "vdpbf16ps" not in code
