"""The network with rounded weights: which ones are rounded, how far the alpha moves, and that nothing else moves it."""

import numpy as np
import pytest

from numpy_vitmatte import VitMatteForImageMatting, matte, set_num_threads
from numpy_vitmatte.errors import VitMatteError
from numpy_vitmatte.network import forward, forward_by_layers, pack_network
from numpy_vitmatte.network.precision import rounded_bytes, with_precision, with_weights
from numpy_vitmatte.runtime.precision import used_precision
from numpy_vitmatte.testing import random_checkpoint, random_pixels, tiny_config

CONFIG = tiny_config()


@pytest.fixture(scope="module")
def network():
    return pack_network(random_checkpoint(CONFIG, seed=5), CONFIG)


@pytest.fixture(scope="module")
def image():
    return np.ascontiguousarray(random_pixels(1, 4, 96, 112, seed=1)[0].transpose(1, 2, 0))


def test_convolutions_that_read_pixels_stay_float32(network):
    """They are a hundredth of the work and most of the error. Highest shares every array."""
    medium = with_weights(network, np.uint16)
    assert with_precision(network, "highest") is network
    assert medium.backbone.patch_embed is network.backbone.patch_embed
    assert medium.decoder.convstream.convs[0] is network.decoder.convstream.convs[0]
    for block in medium.backbone.blocks:
        assert block.mlp.fc1.panels.dtype == block.mlp.fc2.panels.dtype == np.uint16
    assert rounded_bytes(network) == 0
    assert 0 < rounded_bytes(medium) < 2 * sum(tensor.size for tensor in random_checkpoint(CONFIG).values())


def test_high_lays_out_everything_else_for_tiles(network):
    """Attention's own products and the convolutions of stride 1, too."""
    high = with_precision(network, "high")
    assert high.backbone.patch_embed is network.backbone.patch_embed
    assert high.decoder.convstream.convs[0] is network.decoder.convstream.convs[0]
    for block in high.backbone.blocks:
        tables, query = block.attention.tables(5, 5), block.attention.query
        assert tables.h.dtype == tables.w.dtype == query.panels.dtype == block.attention.dtype == np.int32
        assert block.neck is None or [conv.panels.dtype for conv in block.neck.convs] == [np.int32] * 3
    for block in high.decoder.fusion_blocks:
        assert block.detail.panels.dtype == block.upsampled.dtype == np.int32
    assert rounded_bytes(network) == 0 < rounded_bytes(high)


def arrays_of(value, names, path=""):
    """Every array of some nested named tuples whose own name is among some, by its path."""
    named = value._asdict() if hasattr(value, "_asdict") else dict(enumerate(value))
    for name, part in named.items():
        if isinstance(part, tuple):
            yield from arrays_of(part, names, f"{path}.{name}")
        elif name in names:
            yield f"{path}.{name}", part


@pytest.mark.parametrize("weights", [None, np.uint16, np.int16, np.int32])
def test_packed_weights_begin_with_a_cache_line(network, weights):
    """A vector of them would lie in two lines otherwise. NumPy's memory begins anywhere: one in four does by chance."""
    packed = network if weights is None else with_weights(network, weights)
    starts = {path: array.ctypes.data % 64 for path, array in arrays_of(packed, {"panels", "upsampled"}) if array.size}
    assert len(starts) > 30
    assert set(starts.values()) == {0}, starts


WEIGHTS = pytest.mark.parametrize(
    ("weights", "largest"),
    [(np.uint16, 0.05), (np.int16, 0.05), (np.int32, 1e-4)],
    ids=["medium in pairs", "medium in tiles", "high in tiles"],
)


@WEIGHTS
def test_the_alpha_moves_a_little(network, image, weights, largest):
    """Eight bits of each factor remain, or sixteen: a few thousandths here or millionths, and never nothing."""
    difference = np.abs(forward(image, with_weights(network, weights)) - forward(image, network))
    assert largest / 5000 < difference.max() < largest
    assert difference.mean() < largest / 10


@WEIGHTS
def test_the_same_bits_for_threads_bands_wanted_pixels_and_layers(network, image, weights, largest):
    """As in float32."""
    rounded = with_weights(network, weights)
    expected = forward(image, rounded)
    np.testing.assert_array_equal(forward_by_layers(image, rounded), expected)
    np.testing.assert_array_equal(forward(image, rounded, band_rows=32), expected)
    wanted = np.zeros(image.shape[:2], bool)
    wanted[40:50, 30:35] = True
    np.testing.assert_array_equal(forward(image, rounded, wanted=wanted)[wanted], expected[wanted])
    set_num_threads(3)
    np.testing.assert_array_equal(forward(image, rounded), expected)


def test_a_call_may_name_another_precision_than_the_model():
    """What is used depends on the processor; the model's own is the default."""
    tensors, pixels = random_checkpoint(CONFIG, seed=5), random_pixels(1, 4, 64, 64)
    highest, medium = (VitMatteForImageMatting(CONFIG, tensors, name) for name in ("highest", "medium"))
    float32, rounded = (model(pixels).alphas for model in (highest, medium))
    np.testing.assert_array_equal(highest(pixels, precision="medium").alphas, rounded)
    np.testing.assert_array_equal(medium(pixels, precision="highest").alphas, float32)
    high = highest(pixels, precision="high").alphas
    for name, alphas in (("high", high), ("medium", rounded)):
        assert (used_precision(name) == "highest") == np.array_equal(float32, alphas)
    with pytest.raises(VitMatteError, match="precision is 'half'"):
        highest(pixels, precision="half")
    with pytest.raises(VitMatteError, match="precision is 'half'"):
        matte(np.zeros((64, 64, 3), np.uint8), np.full((64, 64), 128, np.uint8), highest, precision="half")
