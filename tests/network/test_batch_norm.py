"""A folded convolution is the convolution followed by its batch norm."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numpy_vitmatte import reference
from numpy_vitmatte.network.batch_norm import HEAD_EPSILON, fold_batch_norms
from numpy_vitmatte.testing import UNIT, assert_within, random_checkpoint, random_tensors, tiny_config, wide

NORM = ("weight", "bias", "running_mean", "running_var")


def conv_and_norm(conv, norm, inputs, outputs, biased):
    shapes = {f"{conv}.weight": (outputs, inputs, 3, 3)} | {f"{norm}.{name}": (outputs,) for name in NORM}
    return shapes | ({f"{conv}.bias": (outputs,)} if biased else {})


def under(tensors, prefix):
    return reference.under(tensors, prefix + ".")


@given(
    names=st.sampled_from(
        [
            ("convstream.convs.1.conv", "convstream.convs.1.batch_norm", False),
            ("fusion_blocks.2.conv.conv", "fusion_blocks.2.conv.batch_norm", False),
            ("matting_head.matting_convs.0", "matting_head.matting_convs.1", True),
        ]
    ),
    inputs=st.integers(1, 5), outputs=st.integers(1, 7), epsilon=st.sampled_from([1e-5, 1e-3, 0.3]),
    seed=st.integers(0, 2**32 - 1),
)  # fmt: skip
def test_folded_convolution(names, inputs, outputs, epsilon, seed):
    """Folding computes in float64 and rounds weight and bias once: at most that much of each product is lost."""
    conv, norm, biased = names
    tensors = random_tensors(conv_and_norm(conv, norm, inputs, outputs, biased), seed)
    before = {name: tensor.copy() for name, tensor in tensors.items()}
    own = epsilon if norm.startswith(("convstream", "fusion")) else 1e-5
    folded = fold_batch_norms(tensors, epsilon)
    assert set(folded) == {f"{conv}.weight", f"{conv}.bias"}
    assert {tensor.dtype for tensor in folded.values()} == {np.dtype(np.float32)}

    x = np.random.default_rng(seed).standard_normal((4, 5, inputs))
    exact, rounded = wide(tensors), under(wide(folded), conv)
    expected = reference.batch_norm(reference.conv(x, under(exact, conv)), under(exact, norm), own)
    sizes = {name: np.abs(tensor) for name, tensor in rounded.items()}
    bound = UNIT * reference.conv(np.abs(x), sizes)
    # float32 scale times float64 gain: one more rounding where NumPy multiplies in float32, none where it does not.
    assert_within(reference.conv(x, rounded), expected, 2 * bound + 1e-12)
    for name, tensor in before.items():
        np.testing.assert_array_equal(tensors[name], tensor)


def test_head_keeps_its_own_epsilon():
    """PyTorch's default 1e-5, whatever the configuration says; a variance of 1e-5 shows the difference."""
    shapes = conv_and_norm("matting_head.matting_convs.0", "matting_head.matting_convs.1", 3, 4, True)
    tensors = random_tensors(shapes)
    tensors["matting_head.matting_convs.1.running_var"] = np.full(4, 1e-5, np.float32)
    small, large = (fold_batch_norms(tensors, epsilon)["matting_head.matting_convs.0.weight"] for epsilon in (1e-9, 1))
    np.testing.assert_array_equal(small, large)
    gain = tensors["matting_head.matting_convs.1.weight"] / np.sqrt(2e-5)
    expected = tensors["matting_head.matting_convs.0.weight"].astype(np.float64) * gain[:, None, None, None]
    assert_within(small, expected, 4 * UNIT * np.abs(expected))
    assert HEAD_EPSILON == 1e-5


@pytest.mark.parametrize("sizes", [(), (5, 7, 11)])
def test_whole_decoder(sizes):
    """No batch norm is left, every folded convolution has a bias, and the last convolution is untouched."""
    fusion = (13, 9, 6, 5)[: len(sizes) + 1]
    config = tiny_config(convstream_hidden_sizes=sizes, fusion_hidden_sizes=fusion, patch_size=2 ** len(fusion))
    tensors = reference.under(random_checkpoint(config), "decoder.")
    folded = fold_batch_norms(tensors, config.batch_norm_eps)
    convs = {name.removesuffix(".weight") for name in tensors if name.endswith(".weight") and tensors[name].ndim == 4}
    assert set(folded) == {f"{conv}.{part}" for conv in convs for part in ("weight", "bias")}
    assert len(convs) == 2 * len(sizes) + 3
    for part in ("weight", "bias"):
        name = f"matting_head.matting_convs.3.{part}"
        assert folded[name] is tensors[name]
