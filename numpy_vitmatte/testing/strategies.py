"""Hypothesis strategies: configurations, checkpoints, token grids, pixel values, photos with trimaps.

Sizes and seeds are drawn, and the numbers are then made from the seed: a counterexample shrinks to a small network of
readable sizes, and drawing stays fast.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from numpy_vitmatte.configuration import VitMatteConfig
from numpy_vitmatte.testing.checkpoints import random_checkpoint, random_pixels, random_tokens, tiny_config

try:
    from hypothesis import strategies as st
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "numpy_vitmatte.testing.strategies needs Hypothesis; install it with: python -m pip install hypothesis",
        name=error.name,
    ) from None

MAX_BLOCKS = 3
MAX_TOKENS = 7


class RandomCheckpoint(NamedTuple):
    """A configuration and every tensor of its network."""

    config: VitMatteConfig
    tensors: dict[str, np.ndarray]


def seeds() -> st.SearchStrategy[int]:
    """Draw seeds for NumPy's generators."""
    return st.integers(0, 2**32 - 1)


@st.composite
def token_grids(
    draw: st.DrawFn,
    height: st.SearchStrategy[int] | None = None,
    width: st.SearchStrategy[int] | None = None,
    channels: st.SearchStrategy[int] | None = None,
) -> np.ndarray:
    """Draw token grids (h, w, C): float32, contiguous, standard normal.

    Parameters
    ----------
    height, width, channels : strategy for int, optional
        The defaults are 1 to 6, 1 to 8 and 1 to 37.
    """
    shape = (
        draw(height if height is not None else st.integers(1, 6)),
        draw(width if width is not None else st.integers(1, 8)),
        draw(channels if channels is not None else st.integers(1, 37)),
    )
    return random_tokens(*shape, seed=draw(seeds()))


def _blocks(count: int) -> st.SearchStrategy[tuple[int, ...]]:
    """Draw some of the blocks, in order."""
    return st.sets(st.integers(0, count - 1)).map(lambda chosen: tuple(sorted(chosen)))


@st.composite
def configurations(draw: st.DrawFn) -> VitMatteConfig:
    """Draw configurations of small networks that use everything a ``config.json`` can say.

    They have one to three blocks, each windowed or global, with a neck or without; heads of one channel and odd widths;
    relative positions and the qkv bias or not; features from any stage; one to three fusion blocks and the patch size
    that belongs to them.
    """
    count, heads = draw(st.integers(1, MAX_BLOCKS)), draw(st.integers(1, 3))
    fusion = tuple(draw(st.lists(st.integers(1, 9), min_size=1, max_size=3)))
    patch = 2 ** len(fusion)
    windowed = draw(_blocks(count))
    rows, columns, pretrained = (patch * draw(st.integers(1, MAX_TOKENS)) for _ in range(3))
    changes: dict[str, Any] = {
        "hidden_size": heads * draw(st.integers(2, 6)),
        "num_hidden_layers": count,
        "num_attention_heads": heads,
        "mlp_ratio": draw(st.integers(1, 4)),
        "qkv_bias": draw(st.booleans()),
        "layer_norm_eps": draw(st.sampled_from([1e-6, 1e-3])),
        "batch_norm_eps": draw(st.sampled_from([1e-5, 1e-2])),
        "patch_size": patch,
        "image_size": (rows, columns),
        "pretrain_image_size": pretrained,
        "window_block_indices": windowed,
        "window_size": draw(st.integers(1, 5)) if windowed else 0,
        "residual_block_indices": draw(_blocks(count)),
        "use_relative_position_embeddings": draw(st.booleans()),
        "out_indices": (draw(st.integers(0, count)),),
        "convstream_hidden_sizes": tuple(draw(st.integers(1, 9)) for _ in fusion[1:]),
        "fusion_hidden_sizes": fusion,
    }
    return tiny_config(**changes)


@st.composite
def checkpoints(draw: st.DrawFn, configs: st.SearchStrategy[VitMatteConfig] | None = None) -> RandomCheckpoint:
    """Draw configurations with random weights in which every tensor counts.

    Parameters
    ----------
    configs : strategy for VitMatteConfig, optional
        The default is :func:`configurations`.
    """
    config = draw(configs if configs is not None else configurations())
    return RandomCheckpoint(config, random_checkpoint(config, draw(seeds())))


@st.composite
def pixel_values(draw: st.DrawFn, config: VitMatteConfig, max_batch: int = 2) -> np.ndarray:
    """Draw the input of a network: float32 (B, 4, H, W), of 1 to 7 tokens each way.

    Parameters
    ----------
    config : VitMatteConfig
        Its backbone has the patch size.
    max_batch : int
        Largest B.
    """
    patch, tokens = config.backbone_config.patch_size, st.integers(1, MAX_TOKENS)
    height, width = patch * draw(tokens), patch * draw(tokens)
    return random_pixels(draw(st.integers(1, max_batch)), 4, height, width, seed=draw(seeds()))


@st.composite
def photos_with_trimaps(draw: st.DrawFn, max_side: int = 40) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Draw a photo (H, W, 3) and its trimap (H, W), both uint8.

    The trimap has discs: 255 inside, 128 in a ring around, 0 outside; any of the three may be missing.

    Parameters
    ----------
    max_side : int
        Largest height and width in pixels.
    """
    height, width = draw(st.integers(1, max_side)), draw(st.integers(1, max_side))
    generator = np.random.default_rng(draw(seeds()))
    photo = generator.integers(0, 256, (height, width, 3), np.uint8)
    y, x = np.ogrid[:height, :width]
    center_y, center_x = draw(st.integers(0, height - 1)), draw(st.integers(0, width - 1))
    distance = np.hypot(y - center_y, x - center_x)
    inner = draw(st.integers(0, max_side))
    outer = inner + draw(st.integers(0, max_side))
    trimap = np.select([distance < inner, distance < outer], [255, 128], 0).astype(np.uint8)
    return photo, trimap
