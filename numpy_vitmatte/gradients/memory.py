"""The memory that gradients take: what the forward pass keeps, the largest arrays on the way back, and gradients."""

import math

from numpy_vitmatte.checkpoint.tensor_shapes import HEAD_CHANNELS, parameter_shapes
from numpy_vitmatte.configuration import VitMatteConfig
from numpy_vitmatte.gradients.fusion import GATHERED_FLOATS
from numpy_vitmatte.gradients.products import STRIPS_FLOATS
from numpy_vitmatte.network.memory import FLOAT


def gradients_memory(
    batch: int, height: int, width: int, config: VitMatteConfig, decoder_alone: bool = False, frozen_norms: bool = True
) -> int:
    """Estimate the bytes that ``network_gradients`` takes at its peak, beyond images, tensors and packed network.

    Parameters
    ----------
    batch, height, width : int
        Images, and their sides in pixels.
    config : VitMatteConfig
    decoder_alone : bool
        True if no tensor of the backbone is trained.
    frozen_norms : bool
        False if batch norms use the statistics of the batch.
    """
    patch, channels = config.backbone_config.patch_size, config.hidden_size
    tokens = batch * (height // patch) * (width // patch) * channels
    blocks = 0 if decoder_alone else _kept_by_blocks(tokens, config)
    kept, on_the_way = _decoder(height, width, config)
    weights = {name: math.prod(shape) for name, shape in parameter_shapes(config).items()}
    of_decoder = sum(size for name, size in weights.items() if name.startswith("decoder."))
    if not frozen_norms:  # a gradient of the largest map exists for every image
        on_the_way += batch * height * width * max(HEAD_CHANNELS, config.fusion_hidden_sizes[-1])
    at_decoder = blocks + 3 * tokens + batch * kept + on_the_way + 3 * of_decoder
    ratio = math.ceil(config.backbone_config.mlp_ratio)
    at_backbone = blocks + (2 * ratio + 8) * tokens + sum(weights.values()) + STRIPS_FLOATS
    return FLOAT * (at_decoder if decoder_alone else max(at_decoder, at_backbone))


def _kept_by_blocks(tokens: int, config: VitMatteConfig) -> int:
    """Count the floats of ``BlockStates``: input, queries, keys, values, result, middle, hidden; with a neck 3 more."""
    backbone = config.backbone_config
    used = range(backbone.feature_index)
    necks = sum(index in backbone.residual_block_indices for index in used)
    return tokens * (len(used) * (6 + math.ceil(backbone.mlp_ratio)) + 3 * necks)


def _decoder(height: int, width: int, config: VitMatteConfig) -> tuple[int, int]:
    """Count the floats of an image's ``DecoderStates``, and of the largest arrays on the way back."""
    fused, details = config.fusion_hidden_sizes, (4, *config.convstream_hidden_sizes)
    kept = height * width * (HEAD_CHANNELS + 1)
    for index, channels in enumerate(details):
        kept += ((height >> index) + 2) * ((width >> index) + 2) * channels
    for index, channels in enumerate(reversed(fused)):
        kept += ((height >> index) + 2) * ((width >> index) + 2) * channels
    last = height * width * fused[-1]
    gathered = max(9 * channels * (height >> index + 1) * (width >> index + 1) for index, channels in
                   enumerate(reversed(fused)))  # fmt: skip
    on_the_way = 2 * last + height * width * max(HEAD_CHANNELS, *fused[-2:]) + min(GATHERED_FLOATS, gathered)
    return kept, on_the_way + STRIPS_FLOATS
