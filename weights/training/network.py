"""The tiny ViTMatte: its configuration, a start that trains well, and its export in Hugging Face's layout."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from numpy_vitmatte import VitMatteConfig, VitMatteForImageMatting, VitMatteImageProcessor
from numpy_vitmatte.checkpoint.initialization import random_parameters
from numpy_vitmatte.checkpoint.weights import write_checkpoint
from numpy_vitmatte.configuration import VitDetConfig

Tensors = dict[str, np.ndarray]

NORMS = (".batch_norm.weight", "matting_convs.1.weight")


def configuration() -> VitMatteConfig:
    """6 blocks of width 192, two of them global, windows of 8; about 3.5 million parameters."""
    backbone = VitDetConfig(
        hidden_size=192,
        num_hidden_layers=6,
        num_attention_heads=3,
        num_channels=4,
        image_size=512,
        pretrain_image_size=256,
        patch_size=16,
        window_size=8,
        window_block_indices=[0, 1, 3, 4],
        residual_block_indices=[2, 5],
        use_relative_position_embeddings=True,
        out_features=["stage6"],
    )
    return VitMatteConfig(
        backbone_config=backbone,
        hidden_size=192,
        convstream_hidden_sizes=[24, 48, 96],
        fusion_hidden_sizes=[64, 32, 16, 16],
    )


def build(weights: Path | None = None, seed: int = 1) -> VitMatteForImageMatting:
    """The network of an exported folder, or a fresh one."""
    if weights is not None:
        return VitMatteForImageMatting.from_pretrained(weights)
    return VitMatteForImageMatting(configuration(), fresh_tensors(configuration(), seed))


def fresh_tensors(config: VitMatteConfig, seed: int) -> Tensors:
    """Start 3x3 convolutions at He's scale: transformers' 0.02 is far too small for narrow ones."""
    tensors, generator = random_parameters(config, seed), np.random.default_rng([seed, 1])
    for name, tensor in tensors.items():
        if tensor.shape[2:] == (3, 3):
            scale = math.sqrt(2 / (tensor.shape[1] * 9))
            tensors[name] = generator.normal(0, scale, tensor.shape).astype(np.float32)
        elif name.endswith(NORMS):
            tensors[name] = np.ones_like(tensor)
    return tensors


def export(tensors: Tensors, config: VitMatteConfig, folder: Path) -> None:
    """Write config.json, preprocessor_config.json and model.safetensors, in float32.

    Stored in float16, the backbone alone would move single pixels of an alpha by up to 0.0025: no norm
    follows its features, so that their rounding shows.
    """
    write_checkpoint(folder, config, tensors)
    VitMatteImageProcessor().save_pretrained(folder)
