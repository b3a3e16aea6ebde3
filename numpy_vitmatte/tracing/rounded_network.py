"""The reference in a lower precision: a checkpoint's weights as factors that are rounded as the kernels round them.

Which weights are rounded is read from the packed network: there the type of the weights says how a product is computed.

Two things are not as in the reference. Kernels round a convolution's weights after its batch norm is folded in. And
they multiply a fusion block's features before these are doubled, so that this is where the features are rounded.
"""

from collections.abc import Mapping

import numpy as np

from numpy_vitmatte.kernels.matmul import PackedMatrix
from numpy_vitmatte.kernels.tile_packing import PARTS
from numpy_vitmatte.kernels.winograd import PackedConv3x3
from numpy_vitmatte.network.batch_norm import batch_norm_gains, convolution_before
from numpy_vitmatte.network.by_layers import Record
from numpy_vitmatte.network.parameters import NetworkParameters
from numpy_vitmatte.reference import conv, under, upsample2
from numpy_vitmatte.tracing.rounded_products import rounded_factor, rounded_product

Tensors = Mapping[str, np.ndarray]


class RoundedNetwork:
    """A checkpoint's tensors for ``reference.vitmatte``, and the ``record`` that goes with them.

    Parameters
    ----------
    tensors : mapping of str to float32 array
        A checkpoint's tensors under their own names.
    packed : NetworkParameters
        The same in a precision: the types of its weights say what is rounded.
    epsilon : float
        ``config.batch_norm_eps``.
    """

    def __init__(self, tensors: Tensors, packed: NetworkParameters, epsilon: float) -> None:
        self._packed, self._given = packed, tensors
        gains = batch_norm_gains(under(tensors, "decoder."), epsilon)
        # Where a batch norm multiplies by 0, its input does not matter.
        self._gains = {f"decoder.{convolution_before(norm)}": np.where(g, g, 1.0) for norm, g in gains.items()}
        self._parts_of_attentions = {
            f"backbone.encoder.layer.{n}.attention": bfloat16_parts(block.attention.dtype)
            for n, block in enumerate(packed.backbone.blocks)
        }
        parts = parts_of_weights(packed)
        self.tensors = {
            name: rounded_factor(tensor, parts.get(name, 0), self._gains.get(name.removesuffix(".weight"), 1.0))
            for name, tensor in tensors.items()
        }

    def recording(self, keep: Record) -> Record:
        """Return the ``record`` of one pass: it gives ``keep`` each result, and makes factors of those of attention."""
        seen: dict[str, np.ndarray] = {}
        sources = self._sources_of_fusions()
        read = {source for pair in sources.values() for source in pair}

        def record(name: str, value: np.ndarray) -> np.ndarray:
            if name in sources:
                value = self._fusion(name, *(seen[source] for source in sources[name]))
            if name in read:
                seen[name] = value
            return self._factor_of_attention(name, keep(name, value))

        return record

    def _factor_of_attention(self, name: str, value: np.ndarray) -> np.ndarray:
        """Return queries, keys and values, or probabilities, as factors of their products; other results unchanged."""
        layer, _, result = name.rpartition(".")
        parts = self._parts_of_attentions.get(layer, 0)
        if result == "qkv":
            return rounded_factor(value, parts)
        if result == "probabilities" and parts:  # kernels round exponentials, of which the largest is 1
            return rounded_factor(value, parts, 1 / value.max(axis=-1, keepdims=True))
        return value

    def _sources_of_fusions(self) -> dict[str, tuple[str, str]]:
        """Return the names of the features and of the detail map that each fusion block's convolution reads."""
        last, blocks = self._packed.feature_index - 1, range(len(self._packed.decoder.fusion_blocks))
        features = ["backbone.embeddings" if last < 0 else f"backbone.encoder.layer.{last}"]
        features += [f"decoder.fusion_blocks.{n}" for n in blocks]
        details = ["pixel_values", *(f"decoder.convstream.convs.{n}" for n in blocks)]
        return {f"decoder.fusion_blocks.{n}.conv.conv": (features[n], details[len(blocks) - 1 - n]) for n in blocks}

    def _fusion(self, name: str, features: np.ndarray, detail: np.ndarray) -> np.ndarray:
        """Convolve the detail map and the features, which are rounded before they are doubled."""
        block = self._packed.decoder.fusion_blocks[int(name.split(".")[2])]
        weight, gain = self._given[f"{name}.weight"], self._gains[name]
        of_detail = rounded_factor(weight[:, : detail.shape[-1]], bfloat16_parts(block.detail.panels.dtype), gain)
        of_features = np.moveaxis(weight[:, detail.shape[-1] :], 0, -1)  # [out, in, 3, 3] -> [in, 3, 3, out]

        def doubled(x: np.ndarray, w: np.ndarray) -> np.ndarray:
            return conv(upsample2(x), {"weight": np.moveaxis(w, -1, 0)}, padding=1)

        parts = bfloat16_parts(block.upsampled.dtype)
        factor = rounded_factor(of_features, parts, gain)
        y = rounded_product(doubled, features, factor) if parts else doubled(features, of_features)
        return y + conv(detail, {"weight": of_detail}, padding=1)


def bfloat16_parts(dtype: np.dtype) -> int:
    """Return how many bfloat16 numbers stand for each number where packed weights have a type; 0 is float32."""
    return 1 if dtype == np.uint16 else PARTS.get(dtype, 0)


def parts_of_weights(packed: NetworkParameters) -> dict[str, int]:
    """Return that for each weight whose type is that of a single product; those of fusion blocks have two halves."""
    types: dict[str, np.dtype] = {}
    for index, block in enumerate(packed.backbone.blocks):
        attention, name = block.attention, f"backbone.encoder.layer.{index}"
        matrices: dict[str, PackedMatrix | PackedConv3x3] = {
            "attention.qkv": attention.query,
            "attention.proj": attention.proj,
            "mlp.fc1": block.mlp.fc1,
            "mlp.fc2": block.mlp.fc2,
        }
        convs: tuple[PackedMatrix | PackedConv3x3, ...] = () if block.neck is None else block.neck.convs
        matrices |= {f"residual.conv{n}": matrix for n, matrix in enumerate(convs, 1)}
        types |= {f"{name}.{part}.weight": matrix.panels.dtype for part, matrix in matrices.items()}
        tables = {"rel_pos_h": attention.rel_pos_h, "rel_pos_w": attention.rel_pos_w}
        types |= {f"{name}.attention.{part}": table.dtype for part, table in tables.items() if table is not None}
    for index, matrix in enumerate(packed.decoder.convstream.convs):
        types[f"decoder.convstream.convs.{index}.conv.weight"] = matrix.panels.dtype
    types["decoder.matting_head.matting_convs.0.weight"] = packed.decoder.matting_head.conv.panels.dtype
    return {name: bfloat16_parts(dtype) for name, dtype in types.items()}
