"""One step of the recipe from the committed weights, by PyTorch and by this package: the same to float32 rounding."""

from types import SimpleNamespace

import numpy as np
import pytest

from numpy_vitmatte import VitMatteForImageMatting
from numpy_vitmatte.testing import assert_within
from numpy_vitmatte.training import AdamW, MovingAverage, clip_by_norm, warmup_cosine
from numpy_vitmatte.training.losses import recipe_loss

pytestmark = pytest.mark.extras("torch", "transformers", "scipy")

WITHOUT_EFFECT = "decoder.matting_head.matting_convs.0.bias"
PICTURES, SIDE, RATE, AVERAGE = 16, 64, 1e-3, 0.998


@pytest.mark.parametrize("frozen", [True, False], ids=["frozen norms", "the batch's statistics"])
def test_a_step_on_16_pictures(material, frozen, monkeypatch):
    """Gradients, weights, statistics and average after it. The recipe lets norms and biases decay as well; so here.

    Adam divides a gradient by its own size, so that all weights move by nearly the rate, and rounding shows where a
    gradient is itself nothing but rounding: there the two may differ by as much as both have moved. Elsewhere they
    agree to a thousandth of that, which is float32's resolution of a weight.
    """
    import torch
    from training import train
    from training.data import to_tensors
    from training.mixture import draw_sample
    from training.network import build
    from training.state import Run

    samples = [to_tensors(draw_sample([1, number], SIDE, material)) for number in range(PICTURES)]
    batch = [torch.stack(part) for part in zip(*samples, strict=True)]
    own = VitMatteForImageMatting.from_pretrained("vitmatte-tiny")
    before = {name: tensor.copy() for name, tensor in own.tensors.items()}

    module = build(own.directory).train()
    run = Run(module, torch.optim.AdamW(module.parameters(), lr=RATE, weight_decay=0.05, betas=(0.9, 0.99)))
    if frozen:
        run.freeze_norms()
    options = SimpleNamespace(lr=RATE, warmup=1, steps=100, final_lr=0.02, average=AVERAGE, bfloat16=False)
    gradients_of_torch = {}
    clip = torch.nn.utils.clip_grad_norm_
    monkeypatch.setattr(
        torch.nn.utils, "clip_grad_norm_", lambda *given: (keep(module, gradients_of_torch), clip(*given))
    )
    parts = train.step(run, batch, options, torch.device("cpu"))

    monkeypatch.setattr("numpy_vitmatte.training.optimizer.takes_decay", lambda *_: True)
    pixels, labels = (part.numpy() for part in batch[:2])
    value, gradients = own.gradients(pixels, labels, frozen_norms=frozen, loss=recipe_loss)
    weights = {name: tensor.copy() for name, tensor in own.tensors.items()}
    optimizer, average = AdamW(weights, lr=RATE * warmup_cosine(0, 100, 1, 0.02)), MovingAverage(before, AVERAGE)
    for name, gradient in gradients.items():
        # The batch's mean is taken out behind this bias, so that its gradient is 0, and what is found is rounding.
        like = name.replace("bias", "weight") if not frozen and name == WITHOUT_EFFECT else name
        size = np.abs(gradients_of_torch[like]).max()
        assert_within(gradient, gradients_of_torch[name], 1e-3 * size + 1e-7, f"gradient of {name}")
    assert value == pytest.approx(sum(train.losses.WEIGHTS[name] * part for name, part in parts.items()), rel=1e-5)
    clip_by_norm(gradients, 1.0)
    optimizer.step(gradients)
    average.update(weights)
    assert set(gradients) == set(gradients_of_torch)
    compare(weights, {name: each.numpy() for name, each in module.state_dict().items()}, gradients)
    compare(average.tensors, {name: each.numpy() for name, each in run.average.items()}, gradients)


def keep(module, gradients):
    gradients |= {name: each.grad.numpy().copy() for name, each in module.named_parameters() if each.grad is not None}


def compare(own, theirs, gradients):
    """Statistics to rounding; weights where their gradient is more than rounding."""
    for name, tensor in own.items():
        if name not in gradients:
            assert_within(tensor, theirs[name], 1e-5 * np.abs(theirs[name]).max(), name)
            continue
        sure = np.abs(gradients[name]) > max(0.05 * np.abs(gradients[name]).max(), 1e-5)
        assert_within(tensor[sure], theirs[name][sure], 1e-3 * RATE, name)
        assert_within(tensor, theirs[name], 2.1 * RATE, name)
