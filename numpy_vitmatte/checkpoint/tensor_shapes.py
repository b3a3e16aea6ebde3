"""The tensors of a network: which there are, under which names and of which shapes, as in transformers' checkpoints."""

from collections.abc import Iterator

from numpy_vitmatte.configuration import VitMatteConfig
from numpy_vitmatte.configuration.vitdet import VitDetConfig

Shape = tuple[int, ...]
Named = Iterator[tuple[str, Shape]]

# Channels between the matting head's two convolutions (VitMatteHead of transformers; not configurable there).
HEAD_CHANNELS = 16


def parameter_shapes(config: VitMatteConfig) -> dict[str, Shape]:
    """Return name and shape of every tensor that the network uses, in the order of transformers' ``state_dict``.

    Convolution weights are (C_out, C_in, rows, columns), those of linear layers (C_out, C_in). The step counters of
    the batch norms take no part: see :func:`batch_counter_names`.

    Parameters
    ----------
    config : VitMatteConfig
        The network.

    Returns
    -------
    dict
        Tensor name -> shape, such as ``"backbone.embeddings.projection.weight" -> (384, 4, 16, 16)``.
    """
    return dict([*_backbone(config.backbone_config), *_decoder(config)])


def batch_counter_names(config: VitMatteConfig) -> list[str]:
    """Name the batch norms' ``num_batches_tracked``: int64 scalars that PyTorch stores and inference ignores."""
    variances = [name for name in parameter_shapes(config) if name.endswith(".running_var")]
    return [name.removesuffix("running_var") + "num_batches_tracked" for name in variances]


def _backbone(config: VitDetConfig) -> Named:
    if config.use_absolute_position_embeddings:
        # One position more than patches: the class token of the pretrained ViT, never used here.
        yield "backbone.embeddings.position_embeddings", (1, config.pretrain_grid**2 + 1, config.hidden_size)
    yield from _convolution(
        "backbone.embeddings.projection", config.hidden_size, config.num_channels, config.patch_size, bias=True
    )
    for block in range(config.num_hidden_layers):
        yield from _block(f"backbone.encoder.layer.{block}", config, block)


def _block(prefix: str, config: VitDetConfig, block: int) -> Named:
    width = config.hidden_size
    yield from _norm(f"{prefix}.norm1", width)
    if config.use_relative_position_embeddings:
        rows, columns = config.attention_grid(block)
        yield f"{prefix}.attention.rel_pos_h", (2 * rows - 1, config.head_size)
        yield f"{prefix}.attention.rel_pos_w", (2 * columns - 1, config.head_size)
    yield from _linear(f"{prefix}.attention.qkv", 3 * width, width, bias=config.qkv_bias)
    yield from _linear(f"{prefix}.attention.proj", width, width)
    yield from _norm(f"{prefix}.norm2", width)
    yield from _linear(f"{prefix}.mlp.fc1", config.mlp_hidden_size, width)
    yield from _linear(f"{prefix}.mlp.fc2", width, config.mlp_hidden_size)
    if block in config.residual_block_indices:
        yield from _residual_neck(f"{prefix}.residual", width)


def _residual_neck(prefix: str, width: int) -> Named:
    bottleneck = width // 2
    convolutions = ((bottleneck, width, 1), (bottleneck, bottleneck, 3), (width, bottleneck, 1))
    for number, (channels_out, channels_in, side) in enumerate(convolutions, start=1):
        yield from _convolution(f"{prefix}.conv{number}", channels_out, channels_in, side)
        yield from _norm(f"{prefix}.norm{number}", channels_out)


def _decoder(config: VitMatteConfig) -> Named:
    details = (config.backbone_config.num_channels, *config.convstream_hidden_sizes)
    for level, (channels_in, channels_out) in enumerate(zip(details, details[1:], strict=False)):
        yield from _normed_convolution(f"decoder.convstream.convs.{level}", channels_out, channels_in)
    fused = (config.hidden_size, *config.fusion_hidden_sizes)
    for level, detail in enumerate(reversed(details)):
        yield from _normed_convolution(f"decoder.fusion_blocks.{level}.conv", fused[level + 1], fused[level] + detail)
    yield from _convolution("decoder.matting_head.matting_convs.0", HEAD_CHANNELS, fused[-1], 3, bias=True)
    yield from _batch_norm("decoder.matting_head.matting_convs.1", HEAD_CHANNELS)
    yield from _convolution("decoder.matting_head.matting_convs.3", 1, HEAD_CHANNELS, 1, bias=True)


def _normed_convolution(prefix: str, channels_out: int, channels_in: int) -> Named:
    yield from _convolution(f"{prefix}.conv", channels_out, channels_in, 3)
    yield from _batch_norm(f"{prefix}.batch_norm", channels_out)


def _convolution(prefix: str, channels_out: int, channels_in: int, side: int, bias: bool = False) -> Named:
    yield f"{prefix}.weight", (channels_out, channels_in, side, side)
    if bias:
        yield f"{prefix}.bias", (channels_out,)


def _linear(prefix: str, channels_out: int, channels_in: int, bias: bool = True) -> Named:
    yield f"{prefix}.weight", (channels_out, channels_in)
    if bias:
        yield f"{prefix}.bias", (channels_out,)


def _norm(prefix: str, channels: int) -> Named:
    yield f"{prefix}.weight", (channels,)
    yield f"{prefix}.bias", (channels,)


def _batch_norm(prefix: str, channels: int) -> Named:
    yield from _norm(prefix, channels)
    yield f"{prefix}.running_mean", (channels,)
    yield f"{prefix}.running_var", (channels,)
