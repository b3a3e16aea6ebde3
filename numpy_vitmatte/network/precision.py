"""The network's packed weights in a lower precision: the one place that says which layer is computed how.

Each layer is computed in the precision asked for, or in the next better one where that is a large part of the error and
the layer a small part of the work; ``docs/precision.md`` has the table. Patch embedding and the ConvStream's first
convolution read the pixels, and are float32 always. The decoder's *detail* is the rest of the ConvStream and the half
of each fusion block that reads a detail map; its *features* are the half that reads the map to be doubled.

============================  =======================  ==============================  ==============
layers                        *high*                   *medium*, in tiles              *medium*, pairs
============================  =======================  ==============================  ==============
MLPs                          two bfloat16 numbers     bfloat16                        bfloat16
necks                         two bfloat16 numbers     bfloat16                        float32
attention: scores, values     two bfloat16 numbers     bfloat16                        float32
attention: projections        two bfloat16 numbers     two bfloat16 numbers            float32
decoder: detail               two bfloat16 numbers     bfloat16                        float32
decoder: features, head       two bfloat16 numbers     two bfloat16 numbers            float32
============================  =======================  ==============================  ==============
"""

from typing import NamedTuple

import numpy as np

from numpy_vitmatte.kernels.direct_conv import direct_conv3x3
from numpy_vitmatte.kernels.matmul import PackedMatrix, round_packed, whole_panels
from numpy_vitmatte.kernels.tile_packing import PARTS, pack_tiles
from numpy_vitmatte.kernels.winograd import PackedConv3x3
from numpy_vitmatte.layers.attention import AttentionParameters
from numpy_vitmatte.layers.convstream import ConvStreamParameters
from numpy_vitmatte.layers.fusion import FusionParameters
from numpy_vitmatte.layers.mlp import MlpParameters
from numpy_vitmatte.network.parameters import BlockParameters, DecoderParameters, NetworkParameters
from numpy_vitmatte.runtime.precision import has_tiles, used_precision


class PackedNetworks:
    """A network's packed weights for each precision that was asked for.

    Parameters
    ----------
    network : NetworkParameters
        In float32.
    """

    def __init__(self, network: NetworkParameters) -> None:
        self._used = {"highest": network}

    def of(self, precision: str) -> NetworkParameters:
        """Return the weights for a precision, or for the better one that is used in its place on this processor."""
        used = used_precision(precision)
        if used not in self._used:
            self._used[used] = with_precision(self._used["highest"], used)
        return self._used[used]

    @property
    def rounded_bytes(self) -> int:
        """Bytes that rounded weights take in addition to those in float32."""
        others = [network for precision, network in list(self._used.items()) if precision != "highest"]
        return sum(map(rounded_bytes, others))  # every job asks, and "highest" rounds nothing


def with_precision(network: NetworkParameters, precision: str) -> NetworkParameters:
    """Return the network for a precision: itself, or with weights for the implementation that computes in it.

    Parameters
    ----------
    network : NetworkParameters
        In float32.
    precision : {"highest", "high", "medium"}
        It need not be one that this processor gains from: tiles, for one, are then computed in software.

    Returns
    -------
    NetworkParameters
        What stays float32 is shared.
    """
    if precision == "highest":
        return network
    if precision == "high":
        return with_weights(network, np.int32)
    return with_weights(network, np.int16 if has_tiles() else np.uint16)


def with_weights(network: NetworkParameters, dtype: np.typing.DTypeLike) -> NetworkParameters:
    """Return the network with weights of another type: uint16 (pairs), int16 or int32 (tiles), see ``PRODUCTS``."""
    kind, backbone = np.dtype(dtype), network.backbone
    if kind not in PARTS:
        blocks = tuple(block._replace(mlp=_mlp_in_pairs(block.mlp)) for block in backbone.blocks)
        return network._replace(backbone=backbone._replace(blocks=blocks))
    return in_tiles(network, kind, np.int32)


def in_tiles(network: NetworkParameters, dtype: np.typing.DTypeLike, better: np.typing.DTypeLike) -> NetworkParameters:
    """Return the network with weights for AMX tiles: of one type, int16 or int32, and of a better one where it pays."""
    layout, precise, backbone = _Tiles(np.dtype(dtype)), _Tiles(np.dtype(better)), network.backbone
    blocks = tuple(_block_in_tiles(block, layout, precise) for block in backbone.blocks)
    decoder = _decoder_in_tiles(network.decoder, layout, precise)
    return network._replace(backbone=backbone._replace(blocks=blocks), decoder=decoder)


def _mlp_in_pairs(mlp: MlpParameters) -> MlpParameters:
    """Round an MLP for ``vdpbf16ps``, unless a sum has an odd number of terms."""
    return mlp if mlp.fc1.depth % 2 or mlp.fc2.depth % 2 else MlpParameters(*map(round_packed, mlp))


class _Tiles(NamedTuple):
    """AMX tiles with one or two bfloat16 numbers for each, int16 or int32; any number of them can be summed."""

    dtype: np.dtype

    def matrix(self, matrix: PackedMatrix, segments: int = 1) -> PackedMatrix:
        """Lay out a matrix whose input has so many segments."""
        return matrix._replace(panels=pack_tiles(matrix.panels, matrix.depth, segments, self.dtype))

    def conv3x3(self, conv: PackedConv3x3) -> PackedConv3x3:
        """Lay out a convolution of stride 1 without Winograd's sums."""
        return direct_conv3x3(conv, self.dtype)


def _block_in_tiles(block: BlockParameters, layout: _Tiles, better: _Tiles) -> BlockParameters:
    neck = block.neck
    if neck is not None:
        conv1, conv2, conv3 = neck.convs
        neck = neck._replace(convs=(layout.matrix(conv1), layout.conv3x3(conv2), layout.matrix(conv3)))
    return block._replace(
        attention=_attention_in_tiles(block.attention, layout, better),
        mlp=MlpParameters(*map(layout.matrix, block.mlp)),
        neck=neck,
    )


def _attention_in_tiles(attention: AttentionParameters, layout: _Tiles, better: _Tiles) -> AttentionParameters:
    along_h, along_w = (
        positions if positions is None else positions.for_tiles(layout.dtype)
        for positions in (attention.rel_pos_h, attention.rel_pos_w)
    )
    query, keys_values, proj = map(better.matrix, (attention.query, attention.keys_values, attention.proj))
    return AttentionParameters(query, keys_values, proj, attention.heads, along_h, along_w, layout.dtype)


def _decoder_in_tiles(decoder: DecoderParameters, layout: _Tiles, better: _Tiles) -> DecoderParameters:
    convs, head = decoder.convstream.convs, decoder.matting_head
    return decoder._replace(
        convstream=ConvStreamParameters((*convs[:1], *(layout.matrix(conv, 3) for conv in convs[1:]))),
        fusion_blocks=tuple(_fusion_in_tiles(block, layout, better) for block in decoder.fusion_blocks),
        matting_head=head._replace(conv=better.conv3x3(head.conv)),
    )


def _fusion_in_tiles(block: FusionParameters, layout: _Tiles, better: _Tiles) -> FusionParameters:
    """Lay out both halves of the convolution, that of the features for the better type."""
    features = int(block.upsampled.shape[1] // whole_panels(3 * block.detail.columns))  # channels that are doubled
    upsampled = pack_tiles(block.upsampled, features, 1, better.dtype)
    return FusionParameters(layout.conv3x3(block.detail), upsampled.reshape(len(block.upsampled), -1))


def rounded_bytes(network: NetworkParameters) -> int:
    """Count the bytes that the rounded weights of a network take in addition to those in float32."""
    return sum(array.nbytes for array in _arrays(network) if array.dtype.kind in "ui")


def _arrays(value: object) -> list[np.ndarray]:
    if isinstance(value, np.ndarray):
        return [value]
    return [array for part in value for array in _arrays(part)] if isinstance(value, tuple) else []
