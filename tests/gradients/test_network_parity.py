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


def small():
    config = VitMatteConfig.from_dict(SMALL_FILE)
    return config, random_checkpoint(config, seed=2), 256


def bundled():
    model = VitMatteForImageMatting.from_pretrained("vitmatte-tiny")
    return model.config, model.tensors, 320


@pytest.mark.parametrize("network", [small, bundled])
def test_every_gradient(network):
    """A network of twelve blocks in float32: 1e-3 of a tensor's largest gradient.

    PyTorch computes in float64: its float32 is further away than that on one thread, and near enough on two.
    """
    config, tensors, side = network()
    pixels = random_pixels(1, 4, side, side, seed=2)
    cotangent = np.random.default_rng(2).standard_normal((1, side, side)).astype(np.float32)
    model = transformers_model(config, tensors).double().requires_grad_(True)
    (model(torch.from_numpy(pixels).double()).alphas[:, 0] * torch.from_numpy(cotangent)).sum().backward()
    expected = {name: tensor.grad.numpy() for name, tensor in model.named_parameters() if tensor.grad is not None}
    weights, images = Weights(tensors, pack_network(tensors, config), config), pixels.transpose(0, 2, 3, 1)
    found = network_gradients(
        np.ascontiguousarray(images), weights, lambda alphas: Loss(0.0, cotangent, {}), list(tensors)
    )
    assert set(found.gradients) == set(expected)
    for name, gradient in expected.items():
        assert_within(found.gradients[name], gradient, 1e-3 * np.abs(gradient).max(), name)
