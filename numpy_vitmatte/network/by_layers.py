"""The forward pass layer by layer, written for reading: one function a layer, one line a step, every map as a whole.

``forward`` gives the same alpha, to the bit, and is faster: it takes some tokens, or a tile of the alpha, through
several layers at a time and leaves out what no wanted pixel needs. Read this one first.
"""

from collections.abc import Callable

import numpy as np

from numpy_vitmatte.layers.attention import global_attention, window_attention
from numpy_vitmatte.layers.convstream import convstream
from numpy_vitmatte.layers.fusion import fusion_block
from numpy_vitmatte.layers.head import matting_head
from numpy_vitmatte.layers.mlp import mlp
from numpy_vitmatte.layers.neck import residual_neck
from numpy_vitmatte.layers.norm import layer_norm
from numpy_vitmatte.layers.patch_embed import patch_embed
from numpy_vitmatte.layers.position import absolute_positions
from numpy_vitmatte.network.parameters import BackboneParameters, BlockParameters, DecoderParameters, NetworkParameters
from numpy_vitmatte.reference import unchanged

Record = Callable[[str, np.ndarray], np.ndarray]
"""Gets the name and the value of a result, and returns what the pass goes on with."""


def forward_by_layers(image: np.ndarray, network: NetworkParameters, record: Record | None = None) -> np.ndarray:
    """Compute the alpha of one image.

    Parameters
    ----------
    image : float32 array (H, W, 4)
        Normalized RGB and trimap / 255; H and W are multiples of the patch size.
    network : NetworkParameters
    record : callable, optional
        Gets the result of every part under its name in a trace; ``kept.setdefault`` of a dict keeps all. Attention
        probabilities are computed only for a ``record``: they take ``4 * heads * (h * w)**2`` bytes a global block.

    Returns
    -------
    float32 array (H, W)
        Alpha in [0, 1].
    """
    keep = record or unchanged
    x = keep("backbone.embeddings", embeddings(image, network.backbone))  # [H, W, 4] -> [h, w, C]
    hidden_states = [x]
    for index, block in enumerate(network.backbone.blocks):
        name = f"backbone.encoder.layer.{index}"
        probabilities = None if record is None else block.attention.empty_probabilities(x.shape, block.window)
        x = transformer_block(x, block, probabilities)  # [h, w, C] -> [h, w, C]
        if probabilities is not None:
            keep(f"{name}.attention.probabilities", probabilities)
        x = keep(name, x)
        hidden_states.append(x)
    features = hidden_states[network.feature_index]
    return keep("alphas", decoder(features, image, network.decoder, keep))  # [h, w, C], [H, W, 4] -> [H, W]


def embeddings(image: np.ndarray, parameters: BackboneParameters) -> np.ndarray:
    """Turn patches into tokens, and add their positions: [H, W, 4] -> [h, w, C]."""
    x = patch_embed(image, parameters.patch_embed)
    return x if parameters.positions is None else x + absolute_positions(parameters.positions, *x.shape[:2])


def transformer_block(x: np.ndarray, block: BlockParameters, probabilities: np.ndarray | None = None) -> np.ndarray:
    """Apply attention, MLP and, where there is one, the neck, each added to its input: [h, w, C] -> [h, w, C]."""
    normalized = layer_norm(x, block.norm1)
    if block.window:
        x = x + window_attention(normalized, block.attention, block.window, probabilities)
    else:
        x = x + global_attention(normalized, block.attention, probabilities)
    x = x + mlp(layer_norm(x, block.norm2), block.mlp)
    return x if block.neck is None else residual_neck(x, block.neck)


def decoder(
    features: np.ndarray, image: np.ndarray, parameters: DecoderParameters, keep: Record = unchanged
) -> np.ndarray:
    """Join the tokens with finer and finer detail maps, then make one channel of it: [h, w, C], [H, W, 4] -> [H, W]."""
    details = convstream(image, parameters.convstream)  # D0 [H, W, 4], D1 [H / 2, W / 2, .], D2, D3; padded by zeros
    for index, detail in enumerate(details[1:]):
        keep(f"decoder.convstream.convs.{index}", detail[1:-1, 1:-1])
    x = features
    for index, (detail, fusion) in enumerate(zip(reversed(details), parameters.fusion_blocks, strict=True)):
        x = keep(f"decoder.fusion_blocks.{index}", fusion_block(x, detail, fusion))  # [h, w, .] -> [2 h, 2 w, .]
    return matting_head(x, parameters.matting_head)  # [H, W, .] -> [H, W]
