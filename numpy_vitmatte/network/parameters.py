"""All parameters of the network, packed once for the kernels from a checkpoint's tensors."""

from collections.abc import Mapping
from functools import partial
from typing import NamedTuple

import numpy as np

from numpy_vitmatte.configuration import VitDetConfig, VitMatteConfig
from numpy_vitmatte.layers.attention import AttentionParameters
from numpy_vitmatte.layers.convstream import ConvStreamParameters
from numpy_vitmatte.layers.fusion import FusionParameters
from numpy_vitmatte.layers.head import HeadParameters
from numpy_vitmatte.layers.mlp import MlpParameters
from numpy_vitmatte.layers.neck import NeckParameters
from numpy_vitmatte.layers.norm import LayerNormParameters
from numpy_vitmatte.layers.patch_embed import PatchEmbedParameters
from numpy_vitmatte.network.batch_norm import fold_batch_norms
from numpy_vitmatte.network.overflow import DecoderGains
from numpy_vitmatte.reference import under
from numpy_vitmatte.runtime.threads import for_each_block, run_all

Tensors = Mapping[str, np.ndarray]


class BlockParameters(NamedTuple):
    """One transformer block; ``window`` is 0 for global attention, ``neck`` None where there is no residual neck."""

    norm1: LayerNormParameters
    attention: AttentionParameters
    norm2: LayerNormParameters
    mlp: MlpParameters
    neck: NeckParameters | None
    window: int


class BackboneParameters(NamedTuple):
    """The plain vision transformer; ``positions`` (1, 1 + n * n, C) as stored, or None."""

    patch_embed: PatchEmbedParameters
    positions: np.ndarray | None
    blocks: tuple[BlockParameters, ...]


class DecoderParameters(NamedTuple):
    """The detail capture module, batch norms folded in; `gains` bound its numbers."""

    convstream: ConvStreamParameters
    fusion_blocks: tuple[FusionParameters, ...]
    matting_head: HeadParameters
    gains: DecoderGains


class NetworkParameters(NamedTuple):
    """All parameters, packed; ``feature_index`` blocks lie before the hidden state that the decoder reads."""

    backbone: BackboneParameters
    decoder: DecoderParameters
    feature_index: int


def pack_network(tensors: Tensors, config: VitMatteConfig) -> NetworkParameters:
    """Lay out a checkpoint's tensors, under their own names, for the kernels."""
    backbone = pack_backbone(under(tensors, "backbone."), config.backbone_config)
    decoder = pack_decoder(under(tensors, "decoder."), config)
    return NetworkParameters(backbone, decoder, config.backbone_config.feature_index)


def pack_backbone(tensors: Tensors, config: VitDetConfig) -> BackboneParameters:
    """Pack the tensors under ``backbone.``, a block for each thread at a time."""
    blocks: dict[int, BlockParameters] = {}

    def pack_block(index: int, _: int) -> None:
        layer = under(tensors, f"encoder.layer.{index}.")
        residual = under(layer, "residual.")
        blocks[index] = BlockParameters(
            norm1=LayerNormParameters.from_tensors(under(layer, "norm1."), config.layer_norm_eps),
            attention=AttentionParameters.from_tensors(under(layer, "attention."), config.num_attention_heads),
            norm2=LayerNormParameters.from_tensors(under(layer, "norm2."), config.layer_norm_eps),
            mlp=MlpParameters.from_tensors(under(layer, "mlp.")),
            neck=NeckParameters.from_tensors(residual) if residual else None,
            window=config.window_size if index in config.window_block_indices else 0,
        )

    for_each_block(pack_block, config.num_hidden_layers)
    in_order = tuple(blocks[index] for index in range(config.num_hidden_layers))
    embeddings = under(tensors, "embeddings.")
    positions = embeddings.get("position_embeddings")
    return BackboneParameters(PatchEmbedParameters.from_tensors(embeddings), positions, in_order)


def pack_decoder(tensors: Tensors, config: VitMatteConfig) -> DecoderParameters:
    """Pack the tensors under ``decoder.``, batch norms folded in."""
    folded = fold_batch_norms(tensors, config.batch_norm_eps)
    features = [config.hidden_size, *config.fusion_hidden_sizes[:-1]]
    blocks = [under(folded, f"fusion_blocks.{n}.") for n in range(len(features))]
    packing = [partial(FusionParameters.from_tensors, *both) for both in zip(blocks, features, strict=True)]
    fusion_blocks = tuple(run_all(packing))
    convs = ConvStreamParameters.from_tensors(under(folded, "convstream."))
    head = HeadParameters.from_tensors(under(folded, "matting_head."))
    return DecoderParameters(convs, fusion_blocks, head, DecoderGains.from_tensors(folded, features))
