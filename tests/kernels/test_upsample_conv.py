"""The fused convolution of a detail map and a doubled one, against doubling, shifting and adding in float64."""

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st
from support.doubling import doubling_matrix
from support.window_bounds import rounding_bound

from numpy_vitmatte.kernels.matmul import pack
from numpy_vitmatte.kernels.regions import Piece, Rectangle, empty_piece, zero_padded_copy
from numpy_vitmatte.kernels.upsample_conv import STRIP_NUMBERS, fuse, input_region_of_fusion
from numpy_vitmatte.kernels.winograd import pack_conv3x3
from numpy_vitmatte.testing import assert_within, summation_bound

POISON = np.float32(-7.25e30)
THREE_STRIPS = 3 * STRIP_NUMBERS // (18 * 160)
"""Low-resolution columns of three strips of 160 channels. The two examples' rectangles reach into all three."""


def fused_in_float64(features, detail, weight_detail, weight_features, bias):
    """Double, join, convolve with zeros around: (h, w, C_in), (2 h, 2 w, C_d) -> (2 h, 2 w, C), without the ReLU."""
    height, width, _ = features.shape
    doubled = np.einsum("yh,xw,hwc->yxc", doubling_matrix(height), doubling_matrix(width), features)
    joined = np.pad(np.concatenate([detail, doubled], axis=2), ((1, 1), (1, 1), (0, 0)))
    weight = np.concatenate([weight_detail, weight_features], axis=1)
    out = np.zeros((2 * height, 2 * width, len(weight))) + bias
    for dy in range(3):
        for dx in range(3):
            out += joined[dy : dy + 2 * height, dx : dx + 2 * width] @ weight[:, :, dy, dx].T
    return out


def cut(values, rectangle):
    top, left, bottom, right = rectangle
    return Piece(np.ascontiguousarray(values[top:bottom, left:right]), top, left)


def draw_rectangle(generator, height, width):
    top, left = int(generator.integers(height)), int(generator.integers(width))
    return Rectangle(top, left, int(generator.integers(top, height)) + 1, int(generator.integers(left, width)) + 1)


@given(
    height=st.integers(1, 6), width=st.integers(1, 7), features=st.integers(1, 9), details=st.integers(1, 5),
    channels=st.integers(1, 35), seed=st.integers(0, 2**32 - 1), floor=st.sampled_from([0, -np.inf]),
)  # fmt: skip
@example(height=1, width=1, features=1, details=1, channels=3, seed=0, floor=0)
@example(height=5, width=1, features=2, details=3, channels=16, seed=0, floor=0)
@example(height=4, width=5, features=3, details=16, channels=32, seed=1, floor=0)
@example(height=1, width=THREE_STRIPS, features=2, details=16, channels=160, seed=43, floor=-np.inf)
@example(height=2, width=THREE_STRIPS, features=2, details=1, channels=161, seed=16, floor=0)
def test_any_rectangle_of_the_fused_convolution(height, width, features, details, channels, seed, floor):
    """From no more of the inputs than it is said to read, into a larger piece of which nothing else is touched."""
    generator = np.random.default_rng(seed)
    f, d = (generator.standard_normal(s).astype(np.float32) for s in
            ((height, width, features), (2 * height, 2 * width, details)))  # fmt: skip
    wd, wf = (generator.standard_normal((channels, n, 3, 3)).astype(np.float32) for n in (details, features))
    bias = generator.standard_normal(channels).astype(np.float32)
    rectangle = draw_rectangle(generator, 2 * height, 2 * width)
    taps = np.stack([pack(row).panels for row in wf.transpose(2, 1, 3, 0).reshape(3, features, -1)])
    out = empty_piece(rectangle.expanded(2), channels)
    out.values[:] = POISON
    region = cut(f, input_region_of_fusion(rectangle, height, width))
    fuse(zero_padded_copy(d, rectangle.expanded(1)), pack_conv3x3(wd, bias), region, taps, (height, width), rectangle,
         out, np.float32(floor))  # fmt: skip
    here = slice(rectangle.top, rectangle.bottom), slice(rectangle.left, rectangle.right)
    expected = fused_in_float64(*(a.astype(np.float64) for a in (f, d, wd, wf, bias)))[here]
    magnitude = fused_in_float64(*(np.abs(a).astype(np.float64) for a in (f, d, wd, wf, bias)))[here]
    # 9 products of each channel, then of 9 maps 4 neighbors each, in two passes with a weight each.
    bound = summation_bound(9 * details + features + 38, magnitude)
    if not (details % 16 or channels % 16):
        bound += rounding_bound(d, wd, bias)[here]
    assert_within(out.values[2:-2, 2:-2], np.maximum(expected, floor), bound)
    out.values[2:-2, 2:-2] = POISON
    assert (out.values == POISON).all()
