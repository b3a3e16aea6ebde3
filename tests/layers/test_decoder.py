"""ConvStream, fusion block and matting head, batch norms folded in, against the reference's separate batch norms."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from numpy_vitmatte import reference
from numpy_vitmatte.layers.convstream import ConvStreamParameters, convstream
from numpy_vitmatte.layers.fusion import FusionParameters, fusion_block
from numpy_vitmatte.layers.head import HeadParameters, matting_head
from numpy_vitmatte.network.batch_norm import fold_batch_norms
from numpy_vitmatte.testing import UNIT, assert_float32, assert_within, random_tensors, wide

# A sum of 9 C products with weights that folding has rounded once more; in ConvStream such sums of such sums. In
# roundings of the largest result, measured: 6.8 (ConvStream), 5.3 (fusion), 3.4 (head, whose largest result is 1).
TOLERANCE = 16 * UNIT
EPSILON = 1e-3  # not the 1e-5 of the head, so that a mix-up shows

seeds = st.integers(0, 2**32 - 1)


def norm_shapes(prefix, channels):
    return {f"{prefix}.{name}": (channels,) for name in ("weight", "bias", "running_mean", "running_var")}


def part(tensors, prefix):
    return reference.under(tensors, prefix)


def folded(tensors, prefix):
    return part(fold_batch_norms(tensors, EPSILON), prefix)


def draw(shape, seed):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


@given(height=st.integers(1, 5), width=st.integers(1, 5), sizes=st.lists(st.integers(1, 19), max_size=3), seed=seeds)
@example(height=1, width=3, sizes=[5, 17, 11], seed=0)
def test_convstream(height, width, sizes, seed):
    """Any number of maps, each half the size of the one before, zero-padded."""
    scale = 2 ** len(sizes)
    channels, shapes = [4, *sizes], {}
    for n, size in enumerate(sizes):
        shapes[f"convstream.convs.{n}.conv.weight"] = (size, channels[n], 3, 3)
        shapes |= norm_shapes(f"convstream.convs.{n}.batch_norm", size)
    tensors = random_tensors(shapes, seed)
    image = draw((height * scale, width * scale, 4), seed)
    before = image.copy()
    maps = convstream(image, ConvStreamParameters.from_tensors(folded(tensors, "convstream.")))
    expected = reference.convstream(image.astype(np.float64), part(wide(tensors), "convstream."), EPSILON)
    assert len(maps) == len(expected) == len(channels)
    for n, (own, other) in enumerate(zip(maps, expected, strict=True)):
        rows, columns = (side * scale >> n for side in (height, width))
        assert_float32(own, (rows + 2, columns + 2, channels[n]))
        padded = np.pad(other, ((1, 1), (1, 1), (0, 0)))
        assert_within(own, padded, TOLERANCE * max(1, np.abs(other).max()), f"map {n}")
        assert not own[[0, -1]].any()
        assert not own[:, [0, -1]].any()
    np.testing.assert_array_equal(image, before)


def draw_fusion(features, detail, outputs, seed):
    shapes = {"fusion_blocks.0.conv.conv.weight": (outputs, detail + features, 3, 3)}
    return random_tensors(shapes | norm_shapes("fusion_blocks.0.conv.batch_norm", outputs), seed)


def check_fusion(height, width, features, detail, outputs, seed):
    tensors = draw_fusion(features, detail, outputs, seed)
    coarse = draw((height, width, features), seed)
    fine = draw((2 * height, 2 * width, detail), seed + 1)
    padded = np.pad(fine, ((1, 1), (1, 1), (0, 0)))
    before = coarse.copy(), padded.copy()
    y = fusion_block(coarse, padded, FusionParameters.from_tensors(folded(tensors, "fusion_blocks.0."), features))
    assert_float32(y, (2 * height, 2 * width, outputs))
    weights = part(wide(tensors), "fusion_blocks.0.")
    expected = reference.fusion_block(coarse.astype(np.float64), fine.astype(np.float64), weights, EPSILON)
    assert_within(y, expected, TOLERANCE * max(1, np.abs(expected).max()))
    np.testing.assert_array_equal(coarse, before[0])
    np.testing.assert_array_equal(padded, before[1])


@given(
    height=st.integers(1, 5), width=st.integers(1, 6), features=st.integers(1, 19), detail=st.integers(1, 7),
    outputs=st.integers(1, 21), seed=seeds,
)  # fmt: skip
@example(height=5, width=3, features=7, detail=11, outputs=13, seed=0)
@example(height=1, width=1, features=2, detail=3, outputs=17, seed=0)
def test_fusion_block(height, width, features, detail, outputs, seed):
    """Convolving before doubling gives what the reference computes in the paper's order, to the corners."""
    check_fusion(height, width, features, detail, outputs, seed)


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_fusion_block_in_blocks_of_rows(monkeypatch, rows):
    """Every block reads the low-resolution rows above and below it."""
    monkeypatch.setattr("numpy_vitmatte.layers.fusion.ROWS_PER_BLOCK", rows)
    check_fusion(7, 3, 5, 4, 6, seed=0)


@given(height=st.integers(1, 9), width=st.integers(1, 9), channels=st.integers(1, 35), seed=seeds)
@example(height=7, width=11, channels=5, seed=0)
def test_matting_head(height, width, channels, seed):
    """Its batch norm has an epsilon of its own; alphas between 0 and 1, whose slope is at most 1/4 of a logit's."""
    shapes = {"matting_convs.0.weight": (16, channels, 3, 3), "matting_convs.0.bias": (16,)}
    shapes |= norm_shapes("matting_convs.1", 16)
    shapes |= {"matting_convs.3.weight": (1, 16, 1, 1), "matting_convs.3.bias": (1,)}
    tensors = random_tensors({f"matting_head.{name}": shape for name, shape in shapes.items()}, seed)
    features = draw((height, width, channels), seed)
    before = features.copy()
    alpha = matting_head(features, HeadParameters.from_tensors(folded(tensors, "matting_head.")))
    assert_float32(alpha, (height, width))
    expected = reference.matting_head(features.astype(np.float64), part(wide(tensors), "matting_head."))
    assert_within(alpha, expected, TOLERANCE)
    np.testing.assert_array_equal(features, before)
