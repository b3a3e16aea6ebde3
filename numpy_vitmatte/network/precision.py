"""The network's packed weights in a lower precision.

Patch embedding and the ConvStream's first convolution read the pixels. They are a hundredth of the work and cause two
thirds of the error, so they stay float32. Where bfloat16 numbers are multiplied in pairs, so do attention's scores and
its sum of values, whose factors are no weights, and the convolutions that Winograd's algorithm does with less than half
of the products. On tiles both are worth while.
"""

import numpy as np

from numpy_vitmatte.kernels.direct_conv import direct_conv3x3
from numpy_vitmatte.kernels.matmul import PackedMatrix, round_packed, round_panels, whole_panels
from numpy_vitmatte.kernels.tile_packing import PARTS, pack_tiles
from numpy_vitmatte.kernels.winograd import PackedConv3x3
from numpy_vitmatte.layers.convstream import ConvStreamParameters
from numpy_vitmatte.layers.fusion import FusionParameters
from numpy_vitmatte.layers.position import RelativePositions
from numpy_vitmatte.network.parameters import BlockParameters, NetworkParameters
from numpy_vitmatte.runtime.precision import has_tiles, used_precision

_WINDOW = 9
"""Pixels of the window of a 3x3 convolution."""


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
    layout = _ForTiles(np.dtype(dtype)) if np.dtype(dtype) in PARTS else _ForPairs()
    backbone, decoder = network.backbone, network.decoder
    convs, head = decoder.convstream.convs, decoder.matting_head
    return network._replace(
        backbone=backbone._replace(blocks=tuple(_block(block, layout) for block in backbone.blocks)),
        decoder=decoder._replace(
            convstream=ConvStreamParameters((*convs[:1], *(layout.window(conv) for conv in convs[1:]))),
            fusion_blocks=layout.fusion_blocks(decoder.fusion_blocks),
            matting_head=head._replace(conv=layout.window(head.conv)),
        ),
    )


def _block(block: BlockParameters, layout: "_Layout") -> BlockParameters:
    attention, mlp, neck = block.attention, block.mlp, block.neck
    if neck is not None:
        conv1, conv2, conv3 = neck.convs
        neck = neck._replace(convs=(layout.matrix(conv1), layout.conv3x3(conv2), layout.matrix(conv3)))
    return block._replace(
        attention=attention._replace(
            query=layout.matrix(attention.query),
            keys_values=layout.matrix(attention.keys_values),
            proj=layout.matrix(attention.proj),
            rel_pos_h=layout.positions(attention.rel_pos_h),
            rel_pos_w=layout.positions(attention.rel_pos_w),
        ),
        mlp=mlp._replace(fc1=layout.matrix(mlp.fc1), fc2=layout.matrix(mlp.fc2)),
        neck=neck,
    )


class _ForPairs:
    """bfloat16 numbers in pairs, for ``vdpbf16ps``. Where an odd number is summed, weights stay float32."""

    def matrix(self, matrix: PackedMatrix) -> PackedMatrix:
        """Round a matrix whose input has one segment."""
        return matrix if matrix.depth % 2 else round_packed(matrix)

    def window(self, matrix: PackedMatrix) -> PackedMatrix:
        """Round a 3x3 convolution: each of its three segments must hold pairs."""
        return matrix if matrix.depth // _WINDOW % 2 else round_packed(matrix)

    def conv3x3(self, conv: PackedConv3x3) -> PackedConv3x3:
        """Leave a convolution of stride 1 as it is: Winograd's sixteen products stay float32."""
        return conv

    def positions(self, positions: RelativePositions | None) -> RelativePositions | None:
        """Leave relative positions as they are: attention's products stay float32."""
        return positions

    def fusion_blocks(self, blocks: tuple[FusionParameters, ...]) -> tuple[FusionParameters, ...]:
        """Round all or, if the features of one have an odd number of channels, none: one kernel goes through them."""
        if any(_features(block) % 2 for block in blocks):
            return blocks
        return tuple(
            block._replace(upsampled=np.stack([round_panels(panels) for panels in block.upsampled])) for block in blocks
        )


class _ForTiles:
    """One or two bfloat16 numbers for each, in AMX tiles; any number of them can be summed."""

    def __init__(self, dtype: np.dtype) -> None:
        self._dtype = dtype

    def matrix(self, matrix: PackedMatrix, segments: int = 1) -> PackedMatrix:
        """Lay out a matrix whose input has one segment."""
        return matrix._replace(panels=pack_tiles(matrix.panels, matrix.depth, segments, self._dtype))

    def window(self, matrix: PackedMatrix) -> PackedMatrix:
        """Lay out a 3x3 convolution, whose input has three."""
        return self.matrix(matrix, 3)

    def conv3x3(self, conv: PackedConv3x3) -> PackedConv3x3:
        """Lay out a convolution of stride 1 without Winograd's sums."""
        return direct_conv3x3(conv, self._dtype)

    def positions(self, positions: RelativePositions | None) -> RelativePositions | None:
        """Lay out relative positions; keys and values follow them."""
        return None if positions is None else positions.for_tiles(self._dtype)

    def fusion_blocks(self, blocks: tuple[FusionParameters, ...]) -> tuple[FusionParameters, ...]:
        """Lay out both halves of each block's convolution."""
        return tuple(
            FusionParameters(
                self.conv3x3(block.detail),
                pack_tiles(block.upsampled, _features(block), 1, self._dtype).reshape(len(block.upsampled), -1),
            )
            for block in blocks
        )


_Layout = _ForPairs | _ForTiles


def _features(block: FusionParameters) -> int:
    """Count the channels that a fusion block doubles."""
    return int(block.upsampled.shape[1] // whole_panels(3 * block.detail.columns))


def rounded_bytes(network: NetworkParameters) -> int:
    """Count the bytes that the rounded weights of a network take in addition to those in float32."""
    return sum(array.nbytes for array in _arrays(network) if array.dtype.kind in "ui")


def _arrays(value: object) -> list[np.ndarray]:
    if isinstance(value, np.ndarray):
        return [value]
    return [array for part in value for array in _arrays(part)] if isinstance(value, tuple) else []
