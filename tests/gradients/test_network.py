"""The fast gradients of whole networks beside the reference's in float64, PyTorch's, and their own on other threads."""

import itertools

import numpy as np
import pytest
from safetensors import safe_open
from support.example_configs import tiniest_config
from support.odd_networks import ODD
from support.record_gradients import CONFIG, RECORDING, example

from numpy_vitmatte import reference
from numpy_vitmatte.gradients.network import Weights, network_gradients
from numpy_vitmatte.network import pack_network
from numpy_vitmatte.reference_backward import vitmatte_backward
from numpy_vitmatte.runtime.recycling import recycling
from numpy_vitmatte.runtime.threads import get_num_threads, set_num_threads
from numpy_vitmatte.testing import assert_within, random_checkpoint, random_pixels, tiny_config, wide
from numpy_vitmatte.training.losses import Loss

TOLERANCE = 1e-4
"""Of a tensor's largest gradient. Every number of the backward pass is rounded as in the forward pass, and its error
grows from block to block: measured 2e-5, and as much for the reference in float32."""

KINK = 2e-6
"""A number before a ReLU that is nearer to 0 may be on the other side in float32; its pixel then has another gradient,
though both are right. Forward passes differ by less: a few units of float32's last digit."""


def batch_of(config, height, width, seed=0):
    """Tensors, images (2, H, W, 4) and the gradient of a loss by the alphas (2, H, W), all float32."""
    pixels = random_pixels(2, 4, height, width, seed=seed)
    cotangent = np.random.default_rng(seed).standard_normal((2, height, width)).astype(np.float32)
    return random_checkpoint(config, seed), np.ascontiguousarray(pixels.transpose(0, 2, 3, 1)), cotangent


def fast(config, tensors, images, cotangent, chosen=None, frozen_norms=True):
    """Alphas and gradients; the loss is the product of alphas and cotangent."""
    weights = Weights(tensors, pack_network(tensors, config), config)

    def loss(alphas):
        return Loss(float((alphas * cotangent).sum()), cotangent, {})

    found = network_gradients(images, weights, loss, list(tensors) if chosen is None else chosen, frozen_norms)
    return found.alphas, found.gradients


def recordings(config, tensors, images):
    """What the reference keeps of each image, in float64."""
    kept, stored = [{} for _ in images], wide(tensors)
    for image, own in zip(images.astype(np.float64), kept, strict=True):
        reference.vitmatte(image, stored, config, own.setdefault)
    return kept


def away_from_kinks(config, height, width):
    """A batch without a kink of a ReLU nearby, and its recordings."""
    for seed in itertools.count():
        given = batch_of(config, height, width, seed)
        kept = recordings(config, *given[:2])
        before_relu = (own[name] for own in kept for name in own if name.endswith(("batch_norm", "matting_convs.1")))
        if min(np.abs(values).min() for values in before_relu) > KINK:
            return given, kept
    raise AssertionError("not reached")


def in_float64(config, given, kept):
    """The same from the reference, image by image."""
    (tensors, images, cotangent), total = given, {}
    for image, own, recorded in zip(images.astype(np.float64), cotangent, kept, strict=True):
        _, gradients = vitmatte_backward(own.astype(np.float64), image, wide(tensors), config, recorded)
        total = {name: total.get(name, 0) + gradient for name, gradient in gradients.items()}
    return total


def assert_gradients(actual, expected, tolerance):
    assert set(actual) == set(expected)
    for name, gradient in expected.items():
        assert actual[name].dtype == np.float32, name
        assert_within(actual[name], gradient, tolerance * np.abs(gradient).max(), name)


@pytest.mark.parametrize("name", ODD)
def test_every_kind_of_network(name):
    """Pictures of 5 x 4 tokens, which windows do not divide; all tables are resized."""
    config = tiny_config(**ODD[name])
    side = config.backbone_config.patch_size
    given, kept = away_from_kinks(config, 5 * side, 4 * side)
    assert_gradients(fast(config, *given)[1], in_float64(config, given, kept), TOLERANCE)


def test_recorded_gradients_of_pytorch():
    """Parity where PyTorch is not installed."""
    tensors, image, cotangent = example()
    with safe_open(RECORDING, "numpy") as file:
        names = [name for name in file.keys() if name.startswith("stored/") and name != "stored/image"]  # noqa: SIM118
        expected = {name.removeprefix("stored/"): file.get_tensor(name) for name in names}
    narrow = {name: tensor.astype(np.float32) for name, tensor in tensors.items()}
    _, gradients = fast(
        CONFIG, narrow, np.ascontiguousarray(image[None], np.float32), cotangent[None].astype(np.float32)
    )
    assert_gradients(gradients, expected, TOLERANCE)


@pytest.fixture(scope="module")
def given():
    return tiniest_config(), *batch_of(tiniest_config(), 44, 28, seed=3)


@pytest.fixture(scope="module", params=[True, False], ids=["frozen norms", "own statistics"])
def frozen_norms(request):
    return request.param


@pytest.fixture(scope="module")
def gradients(given, frozen_norms):
    return fast(*given, frozen_norms=frozen_norms)[1]


def test_the_decoder_alone(given, gradients, frozen_norms):
    """The backbone runs as for an alpha, and nothing goes back through it; the decoder's gradients are the same."""
    chosen = [name for name in given[1] if name.startswith("decoder.")]
    _, own = fast(*given, chosen, frozen_norms)
    assert list(own) == [name for name in chosen if ".running_" not in name]
    for name, gradient in own.items():
        np.testing.assert_array_equal(gradient, gradients[name], name)


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_no_bit_depends_on_the_number_of_threads(given, gradients, frozen_norms, threads):
    before = get_num_threads()
    set_num_threads(threads)
    try:
        _, own = fast(*given, frozen_norms=frozen_norms)
    finally:
        set_num_threads(before)
    for name, gradient in own.items():
        np.testing.assert_array_equal(gradient, gradients[name], name)


def test_memory_that_is_used_again_changes_nothing(given, gradients, frozen_norms, monkeypatch):
    """Also where every array is recycled, and the numbers of the step before lie in it."""
    monkeypatch.setattr("numpy_vitmatte.runtime.recycling.SMALLEST", 1)
    with recycling():
        for _ in range(2):
            _, own = fast(*given, frozen_norms=frozen_norms)
            for name, gradient in own.items():
                np.testing.assert_array_equal(gradient, gradients[name], name)
