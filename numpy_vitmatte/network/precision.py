"""The network's packed weights in a lower precision.

Patch embedding and the ConvStream's first convolution read the pixels. They are a hundredth of the work and cause two
thirds of the error, so they stay float32. So do attention's scores and its sum of values, whose factors are no weights,
and the convolutions that Winograd's algorithm does with less than half of the products.
"""

import numpy as np

from numpy_vitmatte.kernels.matmul import PackedMatrix, round_packed, round_panels, whole_panels
from numpy_vitmatte.layers.convstream import ConvStreamParameters
from numpy_vitmatte.layers.fusion import FusionParameters
from numpy_vitmatte.network.parameters import BlockParameters, NetworkParameters
from numpy_vitmatte.runtime.precision import used_precision

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
    """Return the network for a precision of ``used_precision``: itself, or with weights rounded to bfloat16.

    Parameters
    ----------
    network : NetworkParameters
        In float32.
    precision : {"highest", "medium"}

    Returns
    -------
    NetworkParameters
        What stays float32 is shared.
    """
    if precision == "highest":
        return network
    backbone, decoder = network.backbone, network.decoder
    convs, head = decoder.convstream.convs, decoder.matting_head
    return network._replace(
        backbone=backbone._replace(blocks=tuple(_block(block) for block in backbone.blocks)),
        decoder=decoder._replace(
            convstream=ConvStreamParameters((*convs[:1], *(_conv(conv) for conv in convs[1:]))),
            fusion_blocks=_fusion_blocks(decoder.fusion_blocks),
            matting_head=head._replace(conv=_conv(head.conv)),
        ),
    )


def _matrix(matrix: PackedMatrix) -> PackedMatrix:
    """Round a matrix whose input has one segment; one of odd depth stays, because bfloat16 numbers go in pairs."""
    return matrix if matrix.depth % 2 else round_packed(matrix)


def _conv(matrix: PackedMatrix) -> PackedMatrix:
    """Round a 3x3 convolution: each of its three segments must hold pairs."""
    return matrix if matrix.depth // _WINDOW % 2 else round_packed(matrix)


def _block(block: BlockParameters) -> BlockParameters:
    attention, mlp, neck = block.attention, block.mlp, block.neck
    if neck is not None:
        conv1, conv2, conv3 = neck.convs
        neck = neck._replace(convs=(_matrix(conv1), conv2, _matrix(conv3)))
    return block._replace(
        attention=attention._replace(
            query=_matrix(attention.query),
            keys_values=_matrix(attention.keys_values),
            proj=_matrix(attention.proj),
        ),
        mlp=mlp._replace(fc1=_matrix(mlp.fc1), fc2=_matrix(mlp.fc2)),
        neck=neck,
    )


def _fusion_blocks(blocks: tuple[FusionParameters, ...]) -> tuple[FusionParameters, ...]:
    """Round all or, if the features of one have an odd number of channels, none: one kernel goes through them."""
    if any(block.upsampled.shape[1] // whole_panels(3 * block.detail.columns) % 2 for block in blocks):
        return blocks
    return tuple(block._replace(upsampled=_rounded_stack(block.upsampled)) for block in blocks)


def _rounded_stack(matrices: np.ndarray) -> np.ndarray:
    return np.stack([round_panels(panels) for panels in matrices])


def rounded_bytes(network: NetworkParameters) -> int:
    """Count the bytes that the rounded weights of a network take in addition to those in float32."""
    return sum(array.nbytes for array in _arrays(network) if array.dtype == np.uint16)


def _arrays(value: object) -> list[np.ndarray]:
    if isinstance(value, np.ndarray):
        return [value]
    return [array for part in value for array in _arrays(part)] if isinstance(value, tuple) else []
