"""Loss and gradients of a whole batch beside PyTorch's."""

import numpy as np
import pytest

from numpy_vitmatte.errors import VitMatteError
from numpy_vitmatte.testing import assert_within, random_checkpoint, random_pixels, tiny_config, wide
from numpy_vitmatte.testing.gradients import assert_gradients
from numpy_vitmatte.training.losses import authors_loss, recipe_loss
from numpy_vitmatte.training.reference_gradients import reference_gradients

CONFIG = tiny_config(num_hidden_layers=2, window_block_indices=(0,))


def batch(count=2, seed=0):
    """Pixel values of 64 x 80, and labels, in float64."""
    pixels = random_pixels(count, 4, 64, 80, seed=seed).astype(np.float64)
    return pixels, np.random.default_rng(seed).uniform(0, 1, (count, 1, 64, 80))


@pytest.mark.parametrize("loss", [authors_loss, recipe_loss])
def test_a_batch_by_central_differences(loss):
    """Of the loss itself, by a few tensors of every kind."""
    (pixels, labels), tensors = batch(), wide(random_checkpoint(CONFIG))
    trained = {name: tensor for name, tensor in tensors.items() if name.startswith("decoder.matting_head.")}
    trained |= {name: tensors[name] for name in tensors if "layer.0.attention" in name}

    def run(arrays):
        return reference_gradients(pixels, labels, tensors | arrays, CONFIG, loss)

    def gradients(dy, arrays):
        return {name: dy * gradient for name, gradient in run(arrays)[1].items() if name in trained}

    arrays = {name: tensor for name, tensor in trained.items() if "running" not in name}
    assert_gradients(lambda arrays: np.array(run(arrays)[0].value), gradients, arrays, entries=1)


@pytest.mark.parity
@pytest.mark.parametrize("frozen", [True, False], ids=["stored statistics", "the batch's statistics"])
def test_a_batch_beside_pytorch(frozen):
    """Every tensor, with a loss that joins the pictures: means over all unknown pixels. What norms remember, too."""
    torch = pytest.importorskip("torch", reason="the [parity] extra is not installed; central differences are compared")
    pytest.importorskip("transformers", reason="the [parity] extra is not installed")
    from support.transformers_models import transformers_model

    (pixels, labels), tensors = batch(3, seed=1), wide(random_checkpoint(CONFIG))
    model = transformers_model(CONFIG, tensors).requires_grad_(True).train(not frozen)
    found, gradients = reference_gradients(pixels, labels, tensors, CONFIG, frozen_norms=frozen)
    alphas = model(torch.from_numpy(pixels)).alphas
    alphas.backward(torch.from_numpy(found.gradient[:, None].copy()))
    expected = {name: tensor.grad.numpy() for name, tensor in model.named_parameters()}
    assert set(gradients) == set(expected)
    for name, gradient in expected.items():
        # The batch's mean is taken out after this bias, so its gradient is 0: what both find is rounding.
        without_effect = not frozen and name == "decoder.matting_head.matting_convs.0.bias"
        size = np.abs(found.gradient).sum() if without_effect else np.abs(gradient).max()
        assert_within(gradients[name], gradient, 1e-11 * size, name)
    for name, statistics in model.named_buffers():
        if name in tensors:
            assert_within(tensors[name], statistics.numpy(), 1e-12 * np.abs(tensors[name]).max(), name)
    error = np.abs(alphas.detach().numpy() - labels)[:, 0]
    unknown = np.abs(pixels[:, 3] - 0.5) < 0.1
    assert found.parts["unknown"] == pytest.approx(error[unknown].mean(), rel=1e-12)
    assert found.parts["known"] == pytest.approx(error[~unknown].mean(), rel=1e-12)


def test_what_is_trained():
    """The decoder alone; a pattern without a tensor and labels that do not fit are refused."""
    (pixels, labels), tensors = batch(1), wide(random_checkpoint(CONFIG))
    _, everything = reference_gradients(pixels, labels, tensors, CONFIG)
    _, decoder = reference_gradients(pixels, labels, tensors, CONFIG, train="decoder.*")
    assert list(decoder) == [name for name in everything if name.startswith("decoder.")]
    for name, gradient in decoder.items():
        np.testing.assert_array_equal(gradient, everything[name])
    with pytest.raises(VitMatteError, match="no tensor"):
        reference_gradients(pixels, labels, tensors, CONFIG, train="head")
    with pytest.raises(VitMatteError, match="labels has shape"):
        reference_gradients(pixels, labels[:, 0], tensors, CONFIG)
