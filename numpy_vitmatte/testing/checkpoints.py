"""Random checkpoints in which every tensor counts: none is all 0 or 1, attention is peaked, activations are near 1."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from numpy_vitmatte.checkpoint.tensor_shapes import parameter_shapes
from numpy_vitmatte.configuration import VitDetConfig, VitMatteConfig

QUERY_GAIN = 1.5
"""Factor by which queries are larger than keys, so that some rows of the softmax are nearly one-hot.

A larger one would make a network that amplifies every rounding, PyTorch's as well, from block to block.
"""


def random_tensor(generator: np.random.Generator, name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Draw one tensor by the last part of its name.

    Matrices keep the size of the vectors that they multiply, and variances are positive.

    transformers leaves a fresh neck's ``norm3`` at zero and batch statistics at 0 and 1: tests of such weights would
    see neither.

    Parameters
    ----------
    generator : numpy.random.Generator
    name : str
        Its name in a checkpoint, such as ``"qkv.weight"``.
    shape : tuple of int

    Returns
    -------
    float32 array
    """
    normal = generator.standard_normal(shape).astype(np.float32)
    if name.endswith("running_var"):
        return 0.5 + np.abs(normal)
    if "norm" in name and name.endswith("weight"):
        return 1 + np.float32(0.2) * normal
    if "rel_pos" in name:
        return normal * np.float32(0.8 / np.sqrt(shape[1]))
    if len(shape) < 2 or "position" in name:
        return np.float32(0.3) * normal
    matrix = normal * np.float32(1.4 / np.sqrt(np.prod(shape[1:])))
    if name.endswith("qkv.weight"):
        matrix[: shape[0] // 3] *= np.float32(QUERY_GAIN)
    return matrix


def random_tensors(shapes: Mapping[str, tuple[int, ...]], seed: int = 0) -> dict[str, np.ndarray]:
    """Draw a float32 tensor for every name of a mapping of names to shapes, such as the weights of one layer."""
    generator = np.random.default_rng(seed)
    return {name: random_tensor(generator, name, shape) for name, shape in shapes.items()}


def random_checkpoint(config: VitMatteConfig, seed: int = 0) -> dict[str, np.ndarray]:
    """Draw every tensor of a network: name in the checkpoint -> float32 array."""
    return random_tensors(parameter_shapes(config), seed)


def random_tokens(height: int, width: int, channels: int, seed: int = 0) -> np.ndarray:
    """Draw a token grid (h, w, C): standard normal, float32."""
    return np.random.default_rng(seed).standard_normal((height, width, channels)).astype(np.float32)


def random_pixels(*shape: int, seed: int = 0) -> np.ndarray:
    """Draw pixel values (batch, 4, H, W): normal colors on waves, and a trimap of 0, 128 / 255 and 1."""
    generator = np.random.default_rng(seed)
    pixels = generator.standard_normal(shape).astype(np.float32)
    pixels += np.sin(np.linspace(0, 9, shape[-1], dtype=np.float32)) + np.cos(
        np.linspace(0, 7, shape[-2], dtype=np.float32)
    ).reshape(-1, 1)
    pixels[:, 3] = generator.choice(np.array([0, 0.5019608, 1], np.float32), pixels[:, 3].shape)
    return pixels


def wide(tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Convert tensors to float64, for the reference."""
    return {name: tensor.astype(np.float64) for name, tensor in tensors.items()}


def tiny_config(**changes: Any) -> VitMatteConfig:
    """Make a network of three blocks with every kind of part, and channels that are no multiples of 16.

    Parameters
    ----------
    **changes
        Other values for fields of :class:`VitMatteConfig` or of its backbone's :class:`VitDetConfig`. A name that
        both have, ``hidden_size``, is the backbone's.

    Returns
    -------
    VitMatteConfig

    Raises
    ------
    ConfigurationError
        If the changes make no valid network.
    """
    backbone: dict[str, Any] = {
        "hidden_size": 18,
        "num_hidden_layers": 3,
        "num_attention_heads": 3,
        "num_channels": 4,
        "image_size": 96,
        "pretrain_image_size": 80,
        "window_size": 5,
        "window_block_indices": (0, 2),
        "residual_block_indices": (1,),
        "use_relative_position_embeddings": True,
    }
    decoder: dict[str, Any] = {"convstream_hidden_sizes": (5, 7, 11), "fusion_hidden_sizes": (13, 9, 6, 5)}
    for name, value in changes.items():
        part = decoder if name in VitMatteConfig.__dataclass_fields__ and name != "hidden_size" else backbone
        part[name] = value
    return VitMatteConfig(backbone_config=VitDetConfig(**backbone), hidden_size=backbone["hidden_size"], **decoder)
