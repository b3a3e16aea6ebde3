"""One step of the recipe from the committed weights, and the same step in PyTorch: equal to float32 rounding.

PyTorch's step is written out here, as the recipe had it until it trained with this package.
"""

from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("scipy", reason="the pictures are blurred with scipy ([train] extra)")

from support.torch_recipe_loss import WEIGHTS, recipe_loss_parts
from training import train
from training.data import Source
from training.network import build
from training.scenes import SCENES
from training.state import Run

from numpy_vitmatte.testing import assert_within
from numpy_vitmatte.training.optimizer import takes_decay

pytestmark = pytest.mark.extras("torch", "transformers", "scipy")

WITHOUT_EFFECT = "decoder.matting_head.matting_convs.0.bias"
PICTURES, SIDE, RATE, AVERAGE = 16, 64, 1e-3, 0.998

LENGTHS_APART = 3e-3
"""Length of a difference of gradients, of the gradient's own. Rounding alone makes it 1e-4. But of three million
numbers before a ReLU a few are nearer to 0 than rounding, and one that is found on the other side adds its pixel."""


@pytest.mark.parametrize("frozen", [True, False], ids=["frozen norms", "the batch's statistics"])
def test_a_step_on_16_pictures(material, frozen, monkeypatch):
    """Loss, gradients, weights, statistics and average after it.

    Adam divides a gradient by its own size, so that all weights move by nearly the rate, and rounding shows where a
    gradient is itself nothing but rounding: there the two may differ by as much as both have moved. Elsewhere they
    agree to a thousandth of that, which is float32's resolution of a weight.
    """
    batch = Source(material, [(SIDE, PICTURES)], 1, 0).draw(0)
    run = Run(build("vitmatte-tiny"))
    run.average.decay = AVERAGE
    expected = step_of_pytorch(run.tensors, run.model.directory, batch, frozen)

    gradients, clip = {}, train.clip_by_norm
    monkeypatch.setattr(train, "clip_by_norm", lambda own, longest: (gradients.update(copies(own)), clip(own, longest)))
    options = SimpleNamespace(lr=RATE, warmup=1, steps=100, final_lr=0.02, frozen_norms=frozen)
    parts = train.step(run, batch, options)

    # Each is a mean over alphas, which are rounded by 6e-8 near 1: that shows where an error is small, as in the known.
    assert parts == pytest.approx(expected.parts, rel=1e-5, abs=1e-7)
    assert set(gradients) == set(expected.gradients)
    for name, gradient in gradients.items():
        # The batch's mean is taken out behind this bias, so that its gradient is 0, and what is found is rounding.
        like = name.replace("bias", "weight") if not frozen and name == WITHOUT_EFFECT else name
        apart = np.linalg.norm(gradient - expected.gradients[name])
        assert apart <= LENGTHS_APART * np.linalg.norm(expected.gradients[like]) + 1e-7, name
    compare(run.tensors, expected.weights, gradients)
    compare(run.average.tensors, expected.average, gradients)


def compare(own, theirs, gradients):
    """Statistics to rounding; weights where their gradient is more than rounding."""
    for name, tensor in own.items():
        if name not in gradients:
            assert_within(tensor, theirs[name], 1e-5 * np.abs(theirs[name]).max(), name)
            continue
        sure = np.abs(gradients[name]) > max(0.05 * np.abs(gradients[name]).max(), 1e-5)
        assert_within(tensor[sure], theirs[name][sure], 1e-3 * RATE, name)
        assert_within(tensor, theirs[name], 2.1 * RATE, name)


def copies(tensors):
    return {name: tensor.copy() for name, tensor in tensors.items()}


def price_of_bias(error, unknown, kinds):
    """150 times how far the kind's running mean, a number, is from its goal, times the picture's own bias."""
    goals = {"parts": 0.05, "mesh": 0.03, "hair": -0.02, "plush": -0.01, "plant": -0.01, "cords": 0.01}
    means, price = {}, 0
    for picture, kind in enumerate(kinds):
        name = kind if kind in SCENES else "rare" if kind in ("net", "smoke", "glass") else "compose"
        if unknown[picture].any():
            bias = error[picture][unknown[picture]].mean()
            means[name] = 0.98 * means.get(name, 0) + 0.02 * bias.item()
            price = price + 150 * (means[name] - goals.get(name, 0)) * bias / len(kinds)
    return price


def step_of_pytorch(before, directory, batch, frozen):
    """Parts of the loss, gradients, and weights and average after a step, by transformers' network and torch."""
    import torch
    from support.transformers_models import transformers_model

    from numpy_vitmatte import VitMatteConfig

    module = transformers_model(VitMatteConfig.from_pretrained(directory), before).requires_grad_(True)
    module.train().to(memory_format=torch.channels_last)
    if frozen:
        for part in module.modules():
            if isinstance(part, torch.nn.BatchNorm2d):
                part.eval()
    named = dict(module.named_parameters())
    groups = [
        {
            "params": [each for name, each in named.items() if takes_decay(name, before[name]) is decays],
            "weight_decay": 0.05 * decays,
        }
        for decays in (True, False)
    ]
    optimizer = torch.optim.AdamW(groups, lr=RATE, betas=(0.9, 0.99))
    pixels, alpha = (torch.from_numpy(np.ascontiguousarray(part)) for part in batch[:2])
    predicted = module(pixel_values=pixels.contiguous(memory_format=torch.channels_last)).alphas
    unknown = (pixels[:, 3:] * 255).round() == 128
    parts = recipe_loss_parts(predicted, alpha, unknown)
    price = price_of_bias(predicted - alpha, unknown, batch.kinds)
    (sum(WEIGHTS[name] * part for name, part in parts.items()) + price).backward()
    gradients = {name: each.grad.numpy().copy() for name, each in named.items() if each.grad is not None}
    torch.nn.utils.clip_grad_norm_(module.parameters(), 1.0)
    optimizer.step()
    weights = {name: each.numpy() for name, each in module.state_dict().items()}
    share = 1 - min(AVERAGE, 2 / 11)
    return SimpleNamespace(
        parts={name: part.item() for name, part in parts.items()},
        gradients=gradients,
        weights=weights,
        average={name: each + share * (weights[name] - each) for name, each in before.items()},
    )
