"""What is measured: each competitor loads a checkpoint and gives a function from pixel values to alphas.

Every import is inside its function, so that a process holds one competitor alone.
"""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

Forward = Callable[[np.ndarray], np.ndarray]


def load_ours(checkpoint: Path, threads: int) -> Forward:
    """numpy-vitmatte."""
    from numpy_vitmatte import VitMatteForImageMatting, set_num_threads

    set_num_threads(threads)
    model = VitMatteForImageMatting.from_pretrained(checkpoint)
    return lambda pixel_values: model(pixel_values).alphas


def load_torch(checkpoint: Path, threads: int) -> Forward:
    """PyTorch, eager, through transformers."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    import torch
    from transformers import VitMatteForImageMatting

    torch.set_num_threads(threads)
    model = VitMatteForImageMatting.from_pretrained(checkpoint).eval()

    def forward(pixel_values: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return model(torch.from_numpy(pixel_values)).alphas.numpy()

    return forward


COMPETITORS: dict[str, Callable[[Path, int], Forward]] = {"numpy-vitmatte": load_ours, "torch eager": load_torch}
