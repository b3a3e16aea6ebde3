"""One step of training with ours and with PyTorch: each loads a checkpoint and gives a function that takes a step.

The function takes pixel values (B, 4, H, W) and labels (B, 1, H, W), and returns the alphas before the step.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Step = Callable[[np.ndarray, np.ndarray], np.ndarray]

# Small enough for alphas that stay the same from round to round; the arithmetic is that of any other rate.
RATE, DECAY, BETAS = 1e-9, 0.05, (0.9, 0.99)
UNKNOWN, WITHIN = 0.5, 0.1


def load_ours(checkpoint: Path, threads: int) -> Step:
    """numpy-vitmatte: packing of the new weights is a part of the step."""
    from numpy_vitmatte import VitMatteForImageMatting, set_num_threads
    from numpy_vitmatte.gradients.network import Weights, network_gradients
    from numpy_vitmatte.network import pack_network
    from numpy_vitmatte.runtime.recycling import recycling
    from numpy_vitmatte.training.labels import checked_labels
    from numpy_vitmatte.training.losses import authors_loss
    from numpy_vitmatte.training.optimizer import AdamW, trainable

    set_num_threads(threads)
    model = VitMatteForImageMatting.from_pretrained(checkpoint)
    config, tensors = model.config, {name: tensor.copy() for name, tensor in model.tensors.items()}
    del model
    chosen = trainable(tensors)
    optimizer = AdamW({name: tensors[name] for name in chosen}, RATE, BETAS, weight_decay=DECAY)
    networks = [pack_network(tensors, config)]

    def step(pixel_values: np.ndarray, labels: np.ndarray) -> np.ndarray:
        images = np.ascontiguousarray(pixel_values.transpose(0, 2, 3, 1))
        alphas, unknown = checked_labels(labels, images[..., 3])
        weights = Weights(tensors, networks.pop(), config)
        found = network_gradients(images, weights, lambda predicted: authors_loss(predicted, alphas, unknown), chosen)
        optimizer.step(found.gradients)
        del weights
        networks.append(pack_network(tensors, config))
        return found.alphas[:, None]

    recycling().__enter__()  # for the life of this process
    return step


def load_torch(checkpoint: Path, threads: int) -> Step:
    """PyTorch, eager, through transformers."""
    import torch
    from transformers import VitMatteForImageMatting

    torch.set_num_threads(threads)
    model = VitMatteForImageMatting.from_pretrained(checkpoint).eval()
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, betas=BETAS, weight_decay=DECAY)

    def step(pixel_values: np.ndarray, labels: np.ndarray) -> np.ndarray:
        optimizer.zero_grad()
        pixels = torch.from_numpy(pixel_values)
        alphas = model(pixels).alphas
        unknown = ((pixels[:, 3:] - UNKNOWN).abs() < WITHIN).float()
        _authors_loss(torch, alphas, torch.from_numpy(labels), unknown).backward()
        optimizer.step()
        return alphas.detach().numpy()

    return step


def _authors_loss(torch: Any, predicted: Any, alpha: Any, unknown: Any) -> Any:
    """``authors_loss`` of ``numpy_vitmatte.training``: four losses, all of the error but for the slopes."""
    error = predicted - alpha
    regions = [(region * error).abs().sum() / region.sum() for region in (unknown, 1 - unknown)]
    return sum(regions) + _laplacian(torch, error) + _slopes(torch, predicted, alpha, unknown)


def _laplacian(torch: Any, error: Any) -> Any:
    taps = torch.tensor([1.0, 4, 6, 4, 1])
    mask = (taps[:, None] * taps)[None, None] / 256
    total = 0

    def blurred(x: Any) -> Any:
        return torch.conv2d(torch.nn.functional.pad(x, (2, 2, 2, 2), mode="reflect"), mask)

    for level in range(5):
        half = blurred(error)[..., ::2, ::2]
        doubled = torch.zeros_like(error)
        doubled[..., ::2, ::2] = 4 * half
        total = total + 2**level * (error - blurred(doubled)).abs().mean()
        error = half
    return total / 5


def _slopes(torch: Any, predicted: Any, alpha: Any, unknown: Any) -> Any:
    mask, total = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]]), 0
    for weight in (mask[None, None], mask.T[None, None]):
        slope, goal = (unknown * torch.conv2d(image, weight, padding=1) for image in (predicted, alpha))
        total = total + (slope - goal).abs().sum() + 0.01 * slope.abs().sum()
    return total / unknown.sum()
