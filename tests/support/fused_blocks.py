"""A block of random weights, for the kernels that compute a whole one."""

import numpy as np

from numpy_vitmatte.kernels.fused.block import Block, LayerNorm, NormAndMlp
from numpy_vitmatte.kernels.matmul import pack


def draw(*shape):
    """Numbers that depend on the shape alone."""
    return np.random.default_rng(sum(shape)).standard_normal(shape).astype(np.float32)


def draw_block(channels, heads):
    """Norms, projections and an MLP of 40 hidden channels."""
    norms = (LayerNorm(draw(channels) + n, draw(channels) - n, 1e-6) for n in (1, 2))
    projections = (pack(draw(channels, n * channels), draw(n * channels)) for n in (1, 2, 1))
    mlp = pack(draw(channels, 40), draw(40)), pack(draw(40, channels), draw(channels))
    return Block(next(norms), heads, *projections, NormAndMlp(next(norms), *mlp))
