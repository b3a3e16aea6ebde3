"""The trace in a lower precision against the kernels: the same products, to float32's rounding of their sums.

Each product gets the very inputs that the trace has. From layer to layer the two drift apart, since numbers that differ
in their last bits are sometimes rounded to different bfloat16 numbers.
"""

import numpy as np
import pytest

from numpy_vitmatte import VitMatteForImageMatting, reference
from numpy_vitmatte.errors import VitMatteError
from numpy_vitmatte.kernels.conv import conv_rows
from numpy_vitmatte.kernels.matmul import linear
from numpy_vitmatte.layers.fusion import fusion_block
from numpy_vitmatte.layers.head import matting_head
from numpy_vitmatte.network import forward_by_layers, pack_network
from numpy_vitmatte.network.precision import with_precision, with_weights
from numpy_vitmatte.testing import assert_layers_close, random_checkpoint, random_pixels, tiny_config
from numpy_vitmatte.tracing import trace_pixel_values
from numpy_vitmatte.tracing.network import trace_image

# Even numbers of channels, so that all are rounded in pairs; heads of 16, by whose root division is exact.
CONFIG = tiny_config(hidden_size=48, convstream_hidden_sizes=(6, 8, 12), fusion_hidden_sizes=(14, 10, 8, 6))
TENSORS = random_checkpoint(CONFIG, seed=5)
PIXELS = random_pixels(1, 4, 96, 112, seed=1)
IMAGE = np.ascontiguousarray(PIXELS[0].transpose(1, 2, 0))
BLOCK = "backbone.encoder.layer.1"
SUMS = 5e-6  # of a layer's largest value: some 200 terms, summed in float32 in two orders


@pytest.fixture(scope="module", params=[np.uint16, np.int16, np.int32], ids=["pairs", "tiles", "high"])
def packed(request):
    return with_weights(pack_network(TENSORS, CONFIG), request.param)


@pytest.fixture(scope="module")
def layers(packed):
    return trace_image(IMAGE, TENSORS, CONFIG, True, packed)


def channels_last(array):
    return np.ascontiguousarray(array[0].transpose(1, 2, 0))


def padded(array):
    return np.pad(channels_last(array), ((1, 1), (1, 1), (0, 0)))


def assert_same_product(own, expected):
    difference = np.abs(own - expected).max()
    assert difference <= SUMS * np.abs(expected).max(), difference / np.abs(expected).max()


def test_linear_layers(packed, layers):
    block, fc1 = packed.backbone.blocks[1], layers[f"{BLOCK}.mlp.fc1"]
    query = layers[f"{BLOCK}.attention.qkv"][..., :48]
    assert_same_product(query, linear(layers[f"{BLOCK}.norm1"], block.attention.query))
    assert_same_product(fc1, linear(layers[f"{BLOCK}.norm2"], block.mlp.fc1))
    assert_same_product(layers[f"{BLOCK}.mlp"], linear(reference.gelu(fc1), block.mlp.fc2))


def test_convolutions(packed, layers):
    """Weights are rounded after their batch norm is folded in."""
    convs, details = packed.decoder.convstream.convs, [layers[f"decoder.convstream.convs.{n}"] for n in range(3)]
    for matrix, before, after in zip(convs[1:], details, details[1:], strict=False):
        expected = conv_rows(padded(before), matrix, 0, after.shape[2], stride=2)
        assert_same_product(channels_last(after), np.maximum(expected, 0))
    head = matting_head(channels_last(layers["decoder.fusion_blocks.3"]), packed.decoder.matting_head)
    assert_same_product(layers["alphas"][0, 0], head)


def test_fusion_blocks(packed, layers):
    """Features are rounded before they are doubled."""
    features = [f"backbone.encoder.layer.{CONFIG.backbone_config.feature_index - 1}"]
    features += [f"decoder.fusion_blocks.{n}" for n in range(4)]
    details = [*(f"decoder.convstream.convs.{n}" for n in (2, 1, 0)), "pixel_values"]
    for n, (block, detail) in enumerate(zip(packed.decoder.fusion_blocks, details, strict=True)):
        expected = fusion_block(channels_last(layers[features[n]]), padded(layers[detail]), block)
        assert_same_product(channels_last(layers[features[n + 1]]), expected)


@pytest.mark.parametrize("dtype", [np.int16, np.int32], ids=["tiles", "high"])
def test_attention(dtype):
    """Scores and sums of values, in the first block, before the two have drifted far apart. Pairs have none of them."""
    packed = with_weights(pack_network(TENSORS, CONFIG), dtype)
    layers = trace_image(IMAGE, TENSORS, CONFIG, True, packed)
    exact, kernels = {}, {}
    forward_by_layers(IMAGE, pack_network(TENSORS, CONFIG), exact.setdefault)
    forward_by_layers(IMAGE, packed, kernels.setdefault)
    for name in ("backbone.encoder.layer.0.attention.probabilities", "backbone.encoder.layer.0"):
        own = layers[name] if name.endswith("probabilities") else channels_last(layers[name])
        # A hidden number on the border of two bfloat16 numbers moves all channels of its token: nine tenths must agree.
        off, rounding = (np.quantile(np.abs(kernels[name] - other), 0.9) for other in (own, exact[name]))
        assert off <= 0.01 * rounding + 8e-6 * np.sqrt(np.mean(exact[name] ** 2))


def test_what_reads_pixels_is_float32(layers):
    exact = trace_image(IMAGE, TENSORS, CONFIG, True)
    for name in ("pixel_values", "backbone.embeddings", "decoder.convstream.convs.0"):
        np.testing.assert_array_equal(layers[name], exact[name])
    assert list(layers) == list(exact)
    assert {type(array) for array in layers.values()} == {np.ndarray}


def test_where_the_packed_network_is_float32_nothing_is_rounded():
    """The convolution of a fusion block is then the same sum in another order."""
    exact = trace_image(IMAGE, TENSORS, CONFIG, True)
    assert_layers_close(trace_image(IMAGE, TENSORS, CONFIG, True, pack_network(TENSORS, CONFIG)), exact)


def test_a_channel_that_its_batch_norm_multiplies_by_zero():
    """What comes before it is divided by its gain."""
    norms = [name for name in TENSORS if name.endswith(".running_mean")]
    zeros = {name.replace("running_mean", "weight"): np.zeros_like(TENSORS[name]) for name in norms}
    tensors = TENSORS | zeros
    layers = trace_image(IMAGE, tensors, CONFIG, True, with_weights(pack_network(tensors, CONFIG), np.int16))
    assert all(np.isfinite(array).all() for array in layers.values())
    np.testing.assert_array_equal(layers["alphas"], trace_image(IMAGE, tensors, CONFIG, True)["alphas"])


def test_a_precision_by_its_name():
    """The model's by default; a processor that gains nothing from it does not matter."""
    highest, medium = (VitMatteForImageMatting(CONFIG, TENSORS, name) for name in ("highest", "medium"))
    own = trace_pixel_values(PIXELS, highest, precision="medium")
    expected = trace_image(IMAGE, TENSORS, CONFIG, False, with_precision(pack_network(TENSORS, CONFIG), "medium"))
    for found in (own, trace_pixel_values(PIXELS, medium)):
        assert {name: array.tobytes() for name, array in found.items()} == {
            name: array.tobytes() for name, array in expected.items()
        }
    exact = trace_pixel_values(PIXELS, medium, precision="highest")
    distances = {
        name: np.abs(trace_pixel_values(PIXELS, highest, precision=name)["alphas"] - exact["alphas"]).max()
        for name in ("highest", "high", "medium")
    }
    assert distances["highest"] == 0 < 100 * distances["high"] < distances["medium"]
    with pytest.raises(VitMatteError, match="precision is 'half'; expected highest, high or medium"):
        trace_pixel_values(PIXELS, highest, precision="half")
