"""The fast gradients beside PyTorch's in float64: ViTMatte-S at 256 x 256, vitmatte-tiny at 320 x 320."""

import numpy as np
import pytest
from support.example_configs import SMALL_FILE

from numpy_vitmatte.configuration import VitMatteConfig
from numpy_vitmatte.gradients.network import Weights, network_gradients
from numpy_vitmatte.model import VitMatteForImageMatting
from numpy_vitmatte.network import pack_network
from numpy_vitmatte.testing import assert_within, random_checkpoint, random_pixels
from numpy_vitmatte.training.losses import Loss

NEEDS = "the [parity] extra is not installed; test_network.py compares with recorded gradients instead"
torch = pytest.importorskip("torch", reason=NEEDS)
pytest.importorskip("transformers", reason=NEEDS)

from support.transformers_models import transformers_model  # noqa: E402

pytestmark = pytest.mark.parity

WITHOUT_EFFECT = "decoder.matting_head.matting_convs.0.bias"


def small():
    config = VitMatteConfig.from_dict(SMALL_FILE)
    return config, random_checkpoint(config, seed=2), 256


def bundled():
    model = VitMatteForImageMatting.from_pretrained("vitmatte-tiny")
    return model.config, model.tensors, 320


@pytest.mark.parametrize(
    ("network", "count", "frozen", "seed"),
    [(small, 1, True, 2), (bundled, 1, True, 2), (bundled, 2, False, 6)],
    ids=["small", "bundled", "bundled, own statistics"],
)
def test_every_gradient(network, count, frozen, seed):
    """Float32 through a network of twelve blocks: 1e-3 of a tensor's largest gradient.

    PyTorch computes in float64. Rounding alone leaves 1e-5; a number before a ReLU that is so near to 0 that rounding
    decides on which side it is found leaves 1e-3, also in PyTorch's float32. These seeds have none that
    counts: with the last one, PyTorch's float32 is 2e-4 off.
    """
    config, tensors, side = network()
    pixels = random_pixels(count, 4, side, side, seed=seed)
    cotangent = np.random.default_rng(seed).standard_normal((count, side, side)).astype(np.float32)
    model = transformers_model(config, tensors).double().requires_grad_(True).train(not frozen)
    alphas = model(torch.from_numpy(pixels).double()).alphas[:, 0]
    (alphas * torch.from_numpy(cotangent)).sum().backward()
    expected = {name: tensor.grad.numpy() for name, tensor in model.named_parameters() if tensor.grad is not None}
    weights, images = Weights(tensors, pack_network(tensors, config), config), pixels.transpose(0, 2, 3, 1)
    found = network_gradients(
        np.ascontiguousarray(images), weights, lambda alphas: Loss(0.0, cotangent, {}), list(tensors), frozen
    )
    assert set(found.gradients) == set(expected)
    for name, gradient in expected.items():
        # The batch's mean is taken out behind this bias, so that its gradient is 0; PyTorch finds rounding.
        size = np.abs(cotangent).sum() if not frozen and name == WITHOUT_EFFECT else 1e3 * np.abs(gradient).max()
        assert_within(found.gradients[name], gradient, 1e-6 * size, name)
