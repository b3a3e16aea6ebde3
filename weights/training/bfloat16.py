"""Whether this processor's bfloat16 can be trusted: one forward and backward pass beside the same in float32."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from . import losses

ALPHA_APART = 0.01
"""Mean difference of alphas above which training is refused. On an EPYC, rounding alone makes it 0.0004 to 0.003."""

GRADIENTS_APART = 0.7
"""Length of the gradients' difference, of the gradient's own. There, 0.08 to 0.32 for trained weights, whose gradient
is small; 0.01 for fresh ones."""


def difference(model: nn.Module, batch: tuple[Tensor, Tensor, Tensor]) -> tuple[float, float]:
    """Mean distance of the alphas that float32 and bfloat16 give, and distance of the gradients, of their length."""
    alphas, gradients = [], []
    for enabled in (False, True):
        alpha, gradient = one_pass(copy.deepcopy(model), batch, enabled)
        alphas.append(alpha)
        gradients.append(gradient)
    apart = (gradients[0] - gradients[1]).norm() / gradients[0].norm()
    return float((alphas[0] - alphas[1]).abs().mean()), float(apart)


def one_pass(model: nn.Module, batch: tuple[Tensor, Tensor, Tensor], enabled: bool) -> tuple[Tensor, Tensor]:
    """Alphas and the gradient of all weights in one row, with norms as they are used and bfloat16 on or off."""
    pixels, truth, trimap = batch
    model.eval()
    with torch.autocast(pixels.device.type, torch.bfloat16, enabled=enabled):
        alphas = model(pixel_values=pixels.contiguous(memory_format=torch.channels_last)).alphas.float()
    losses.total(alphas, truth, trimap)[0].backward()
    return alphas.detach(), torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])


def refuse_if_wrong(model: nn.Module, batch: tuple[Tensor, Tensor, Tensor]) -> None:
    """Stop with a sentence where bfloat16 computes something else than float32.

    Raises
    ------
    SystemExit
        If alphas or gradients are further apart than rounding explains.
    """
    alpha, gradient = difference(model, batch)
    print(f"bfloat16 beside float32: alpha {alpha:.4f} apart, gradients {gradient:.1%}", flush=True)
    if not (alpha <= ALPHA_APART and gradient <= GRADIENTS_APART):
        raise SystemExit(
            f"bfloat16 on this processor does not compute what float32 does: alphas differ by {alpha:.3f} on average "
            f"(rounding: {ALPHA_APART}), gradients by {gradient:.0%} (rounding: {GRADIENTS_APART:.0%}). "
            "Train without --bfloat16, or with another PyTorch."
        )
