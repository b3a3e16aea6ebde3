"""Floating point operations of our algorithm, counted from the configuration: a multiplication and an addition are two.

Only products are counted; softmax, norms, GELU, blending and Winograd's sums are not, and what is computed twice at the
borders of tiles counts once. The doubled halves of the fusion blocks count at low resolution, where they are computed.
"""

from numpy_vitmatte import VitMatteConfig
from numpy_vitmatte.kernels.winograd import uses_winograd


def operations(height: int, width: int, config: VitMatteConfig) -> dict[str, float]:
    """Operations by part of the network, for a padded picture of ``height`` x ``width``."""
    backbone = config.backbone_config
    channels, patch = backbone.hidden_size, backbone.patch_size
    h, w = height // patch, width // patch
    tokens, blocks = h * w, backbone.num_hidden_layers
    relative = backbone.use_relative_position_embeddings
    windows = len([index for index in backbone.window_block_indices if index < blocks])
    necks = len([index for index in backbone.residual_block_indices if index < blocks])
    projections = 2 * tokens * channels * 4 * channels  # queries, keys, values, output
    window = backbone.window_size
    mlp = 2 * 2 * tokens * channels * int(channels * backbone.mlp_ratio)
    in_window, in_grid = (2 * tokens * channels * _keys(*sides, relative) for sides in ((window, window), (h, w)))
    return {
        "patch embedding": 2 * tokens * channels * patch * patch * backbone.num_channels,
        "window blocks": windows * (projections + in_window + mlp),
        "global blocks": (blocks - windows) * (projections + in_grid + mlp),
        "residual necks": necks * 2 * tokens * (channels * channels + _window(channels // 2, channels // 2)),
        "decoder": _decoder(height, width, config),
    }


def _keys(height: int, width: int, relative: bool) -> int:
    """Products of a query, or a row of probabilities, with vectors: keys, values, and offsets along both axes."""
    return 2 * height * width + (2 * height - 1 + 2 * width - 1 if relative else 0)


def _window(inputs: int, outputs: int) -> int:
    """Products for one output pixel of a 3x3 convolution of stride 1; a tile of four pixels takes 16."""
    return (4 if uses_winograd(inputs, outputs) else 9) * inputs * outputs


def _decoder(height: int, width: int, config: VitMatteConfig) -> float:
    details = [config.backbone_config.num_channels, *config.convstream_hidden_sizes]
    fused = [config.hidden_size, *config.fusion_hidden_sizes]
    total = 2 * height * width * (_window(fused[-1], 16) + 16)  # the head
    for level in range(1, len(details)):
        total += 2 * 9 * details[level - 1] * details[level] * (height >> level) * (width >> level)
    for block in range(len(config.fusion_hidden_sizes)):
        level = len(config.fusion_hidden_sizes) - 1 - block
        pixels = (height >> level) * (width >> level)
        total += 2 * pixels * (_window(details[level], fused[block + 1]) + 9 * fused[block] * fused[block + 1] / 4)
    return total
