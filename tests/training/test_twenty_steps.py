"""Twenty steps of training beside PyTorch's from the same start, in float64: weights, and what batch norms remember."""

import numpy as np
import pytest

from numpy_vitmatte.testing import assert_within, random_checkpoint, random_pixels, tiny_config, wide
from numpy_vitmatte.training.optimizer import AdamW, clip_by_norm, takes_decay, trainable, warmup_cosine
from numpy_vitmatte.training.reference_gradients import reference_gradients

STEPS, RATE = 20, 1e-3
CONFIG = tiny_config(num_hidden_layers=1, window_block_indices=(), residual_block_indices=(), hidden_size=12)


def batch(step):
    """Two pictures, half of them unknown, and labels."""
    pixels = random_pixels(2, 4, 64, 64, seed=step).astype(np.float64)
    pixels[:, 3] = np.where(np.arange(64) < 32, 0.5, 1)
    return pixels, np.random.default_rng(step).random((2, 1, 64, 64))


@pytest.mark.parity
def test_twenty_steps_with_the_batches_statistics():
    """The gradient by the alphas is ours on both sides: the loss has kinks, where rounding would decide."""
    torch = pytest.importorskip("torch", reason="the [parity] extra is not installed; single steps are recorded")
    pytest.importorskip("transformers", reason="the [parity] extra is not installed")
    from support.transformers_models import transformers_model

    tensors = wide(random_checkpoint(CONFIG))
    start = {name: tensor.copy() for name, tensor in tensors.items()}
    model = transformers_model(CONFIG, tensors).requires_grad_(True).train()
    theirs = dict(model.named_parameters())
    groups = [
        {"params": [each for name, each in theirs.items() if takes_decay(name, tensors[name])], "weight_decay": 0.05},
        {"params": [each for name, each in theirs.items() if not takes_decay(name, tensors[name])], "weight_decay": 0},
    ]
    torch_optimizer = torch.optim.AdamW(groups, lr=RATE, betas=(0.9, 0.99))
    optimizer = AdamW(tensors, lr=RATE)
    for step in range(STEPS):
        pixels, labels = batch(step)
        found, gradients = reference_gradients(pixels, labels, tensors, CONFIG, frozen_norms=False)
        optimizer.lr = RATE * warmup_cosine(step, STEPS, warmup=5)
        for group in torch_optimizer.param_groups:
            group["lr"] = optimizer.lr
        torch_optimizer.zero_grad()
        model(torch.from_numpy(pixels)).alphas.backward(torch.from_numpy(found.gradient[:, None].copy()))
        torch.nn.utils.clip_grad_norm_(theirs.values(), 1.0)
        clip_by_norm(gradients, 1.0)
        torch_optimizer.step()
        optimizer.step(gradients)
    expected = {name: each.detach().numpy() for name, each in model.state_dict().items() if name in tensors}
    assert set(expected) == set(tensors)
    for name, tensor in expected.items():
        # Single steps agree to 1e-14; each of twenty begins where the last one ended, and Adam divides by gradients.
        assert_within(tensors[name], tensor, 1e-10 * np.abs(tensor).max(), name)
    moved = [*trainable(tensors), *(name for name in tensors if ".running_" in name)]
    assert sum(np.any(tensors[name] != start[name]) for name in moved) >= len(moved) - 2
