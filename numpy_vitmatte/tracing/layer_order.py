"""The order of the network, read from the names alone: safetensors files keep none, and other tools write their own."""

from collections.abc import Iterable

# Every part of a name that a trace has, siblings in the order in which they are computed.
_PARTS = (
    "pixel_values",
    "backbone",
    "decoder",
    "alphas",
    # in the backbone
    "embeddings",
    "encoder",
    "projection",
    "position_embeddings",
    "layer",
    # in a block and its neck
    "conv1",
    "norm1",
    "attention",
    "qkv",
    "probabilities",
    "proj",
    "conv2",
    "norm2",
    "mlp",
    "fc1",
    "act",
    "fc2",
    "residual",
    "conv3",
    "norm3",
    # in the decoder
    "convstream",
    "convs",
    "fusion_blocks",
    "conv",
    "batch_norm",
    "relu",
    "matting_head",
    "matting_convs",
)
_RANKS = {part: rank for rank, part in enumerate(_PARTS)}
_UNKNOWN, _ITSELF = len(_PARTS), len(_PARTS) + 1

_Key = list[tuple[int, int, str]]


def network_order(names: Iterable[str]) -> list[str]:
    """Sort the names of layers as they are computed.

    A layer comes after what lies inside it, since its output is known last; names that no trace has come after their
    known siblings, in alphabetical order.

    Parameters
    ----------
    names : iterable of str
        Names such as ``"backbone.encoder.layer.2.attention"``.

    Returns
    -------
    list of str

    Examples
    --------
    >>> network_order(["decoder.convs.10", "decoder.convs.9", "decoder.convs.9.conv", "backbone"])
    ['backbone', 'decoder.convs.9.conv', 'decoder.convs.9', 'decoder.convs.10']
    """
    return sorted(names, key=_key)


def _key(name: str) -> _Key:
    """Return the sorting key: one entry a part, then one that lies behind all parts of the layers inside this one."""
    return [*(_part_key(part) for part in name.split(".")), (_ITSELF, 0, "")]


def _part_key(part: str) -> tuple[int, int, str]:
    if part.isascii() and part.isdigit() and len(part) < 10:
        return (-1, int(part), part)
    return (_RANKS.get(part, _UNKNOWN), 0, part)
