"""The gradient of the whole network beside PyTorch's autograd, in float64: every tensor, and the picture."""

import numpy as np
import pytest
from support.odd_networks import ODD

from numpy_vitmatte import reference
from numpy_vitmatte.reference_backward import vitmatte_backward
from numpy_vitmatte.testing import assert_within, random_checkpoint, random_pixels, tiny_config, wide
from numpy_vitmatte.training.batch_statistics import own_statistics, update_running_statistics

NEEDS = "the [parity] extra is not installed; tests/test_recorded_gradients.py compares with recorded gradients instead"
torch = pytest.importorskip("torch", reason=NEEDS)
pytest.importorskip("transformers", reason=NEEDS)

from support.record_gradients import autograd  # noqa: E402

pytestmark = pytest.mark.parity

# Both are sums of some thousand terms in float64, whose rounding grows through three blocks: measured 2e-14 of a
# tensor's largest gradient.
TOLERANCE = 1e-11

# In training mode the mean is taken out after this bias: its gradient is 0, and what both find is rounding.
WITHOUT_EFFECT = "decoder.matting_head.matting_convs.0.bias"


def own_gradients(config, tensors, image, cotangent, training):
    """Alpha, gradients by every tensor and by ``"image"``, and the tensors with what training has remembered."""
    kept, remembered = {}, {name: tensor.copy() for name, tensor in tensors.items()}
    alpha = reference.vitmatte(image, tensors, config, kept.setdefault)
    if training:
        tensors, pixels = own_statistics(image, kept, tensors, config)
        update_running_statistics(remembered, tensors, pixels)
        kept = {}
        alpha = reference.vitmatte(image, tensors, config, kept.setdefault)
    dimage, dw = vitmatte_backward(cotangent, image, tensors, config, kept, training)
    return alpha, dw | {"image": dimage}, remembered


def compare(config, height, width, training, seed=0):
    tensors, pixels = wide(random_checkpoint(config, seed)), random_pixels(1, 4, height, width, seed=seed)
    image = pixels[0].transpose(1, 2, 0).astype(np.float64)
    cotangent = np.random.default_rng(seed).standard_normal((height, width))
    alpha, gradients, remembered = own_gradients(config, tensors, image, cotangent, training)
    expected_alpha, expected, buffers = autograd(config, tensors, image, cotangent, training)
    assert_within(alpha, expected_alpha, 1e-12, "alpha")
    assert set(gradients) == set(expected)
    for name, gradient in expected.items():
        bound = TOLERANCE * np.abs(gradient).max()
        if training and name == WITHOUT_EFFECT:
            bound = TOLERANCE * np.abs(cotangent).sum()
        assert_within(gradients[name], gradient, bound, name)
    for name, statistics in buffers.items():
        assert_within(remembered[name], statistics, 1e-12 * np.abs(statistics).max(), name)


@pytest.mark.parametrize("training", [False, True], ids=["stored statistics", "own statistics"])
@pytest.mark.parametrize("name", ODD)
def test_every_kind_of_network(name, training):
    """Pictures of 5 x 4 tokens, which windows do not divide; all tables are resized."""
    config = tiny_config(**ODD[name])
    side = config.backbone_config.patch_size
    compare(config, 5 * side, 4 * side, training)


@pytest.mark.parametrize("training", [False, True], ids=["stored statistics", "own statistics"])
def test_the_grid_that_tables_are_stored_for(training):
    """96 x 96 pixels, the size of the configuration: relative positions as stored."""
    compare(tiny_config(), 96, 96, training, seed=1)
    compare(tiny_config(image_size=80), 80, 80, training, seed=2)
