"""The checkpoints that the authors of ViTMatte published: their names, and the network that their shapes describe.

The authors build the network with detectron2 (https://github.com/hustvl/ViTMatte, ``modeling/``); its names differ from
Hugging Face's in a few places, as ``convert_vitmatte_to_hf.py`` of transformers lists them.
"""

import math
import re
from collections.abc import Mapping

from numpy_vitmatte.checkpoint.safetensors_reader import StoredTensor
from numpy_vitmatte.configuration import VitDetConfig, VitMatteConfig
from numpy_vitmatte.errors import CheckpointError

_EXACT = {
    "backbone.pos_embed": "backbone.embeddings.position_embeddings",
    "backbone.patch_embed.proj.weight": "backbone.embeddings.projection.weight",
    "backbone.patch_embed.proj.bias": "backbone.embeddings.projection.bias",
}
_PARTS = (
    (re.compile(r"^backbone\.blocks\."), "backbone.encoder.layer."),
    (re.compile(r"\.attn\."), ".attention."),
    (re.compile(r"^decoder\.fusion_blks\."), "decoder.fusion_blocks."),
    (re.compile(r"\.bn\."), ".batch_norm."),
)
# The authors' trainer stores these with the network, which has no use for them.
_IGNORED = ("pixel_mean", "pixel_std")


def hugging_face_names(tensors: Mapping[str, StoredTensor]) -> dict[str, StoredTensor]:
    """Rename the tensors of an authors' checkpoint; those that have Hugging Face's names already keep them.

    Raises
    ------
    CheckpointError
        If two tensors come to the same name.
    """
    renamed = {}
    for name, tensor in tensors.items():
        name = name.removeprefix("module.")
        if name in _IGNORED:
            continue
        name = _EXACT.get(name, name)
        for pattern, replacement in _PARTS:
            name = pattern.sub(replacement, name)
        if name in renamed:
            raise CheckpointError(f"two tensors of the file stand for {name!r}; it must hold one network")
        renamed[name] = tensor
    return renamed


def configuration_of(tensors: Mapping[str, StoredTensor]) -> VitMatteConfig:
    """Find the network that tensors under Hugging Face's names belong to.

    Raises
    ------
    CheckpointError
        If they are no ViTMatte's, or of a kind whose configuration cannot be read from shapes.
    """
    shapes = {name: tensor.shape for name, tensor in tensors.items()}
    try:
        width, channels, patch, _ = shapes["backbone.embeddings.projection.weight"]
        _, positions, _ = shapes["backbone.embeddings.position_embeddings"]
        hidden, _ = shapes["backbone.encoder.layer.0.mlp.fc1.weight"]
        window_rows, head_size = shapes["backbone.encoder.layer.0.attention.rel_pos_h"]
        tables = {block: shape[0] for block, shape in _per_block(shapes, "attention.rel_pos_h").items()}
        columns = max(shape[0] for shape in _per_block(shapes, "attention.rel_pos_w").values())
        details = _sizes(shapes, r"decoder\.convstream\.convs\.(\d+)\.conv\.weight")
        fused = _sizes(shapes, r"decoder\.fusion_blocks\.(\d+)\.conv\.conv\.weight")
        necks = sorted(_per_block(shapes, "residual.conv1.weight"))
    except (IndexError, KeyError, ValueError):
        raise CheckpointError(
            "the tensors are not those of a ViTMatte: its patch embedding, positions, MLP or relative positions are "
            f"missing or misshapen among {len(shapes)} tensors"
        ) from None
    grid, longest = math.isqrt(max(positions - 1, 0)), max(tables.values())
    windows = [block for block, rows in sorted(tables.items()) if rows == window_rows]
    sides = (width, patch, head_size, hidden, window_rows, longest, columns, grid)
    if 0 in sides or grid * grid != positions - 1 or width % head_size or not details or not fused:
        raise CheckpointError(
            f"a backbone of width {width} with {positions} positions is no ViTMatte's that is known here"
        )
    _check_windows(set(tables.values()), window_rows)
    backbone = VitDetConfig(
        hidden_size=width,
        num_hidden_layers=len(tables),
        num_attention_heads=width // head_size,
        num_channels=channels,
        mlp_ratio=hidden // width if hidden % width == 0 else hidden / width,
        image_size=_square((longest + 1) // 2 * patch, (columns + 1) // 2 * patch),
        pretrain_image_size=grid * patch,
        patch_size=patch,
        window_size=(window_rows + 1) // 2,
        window_block_indices=tuple(windows),
        residual_block_indices=tuple(necks),
        use_absolute_position_embeddings=True,
        use_relative_position_embeddings=True,
        out_features=(f"stage{len(tables)}",),
    )
    return VitMatteConfig(
        backbone_config=backbone, hidden_size=width, convstream_hidden_sizes=details, fusion_hidden_sizes=fused
    )


def _check_windows(lengths: set[int], first: int) -> None:
    """Refuse tables that leave open what is a window: a wrong guess gives another network's alphas.

    In every published ViTMatte the first block has a window, some blocks have none, and windows are smaller.
    """
    if len(lengths) != 2 or first != min(lengths):
        raise CheckpointError(
            f"which blocks have windows cannot be told from relative positions of {min(lengths)} to {max(lengths)} "
            f"rows, {first} in the first block: put the file, as pytorch_model.bin and under Hugging Face's names, "
            "into a folder with a config.json that says it, and load that folder"
        )


def _square(height: int, width: int) -> int | tuple[int, int]:
    """Return one number where both are the same, as published configurations have it."""
    return height if height == width else (height, width)


def _per_block(shapes: Mapping[str, tuple[int, ...]], name: str) -> dict[int, tuple[int, ...]]:
    pattern = re.compile(rf"backbone\.encoder\.layer\.(\d+)\.{re.escape(name)}")
    return {int(match[1]): shape for key, shape in shapes.items() if (match := pattern.fullmatch(key))}


def _sizes(shapes: Mapping[str, tuple[int, ...]], pattern: str) -> tuple[int, ...]:
    """Return the output channels of numbered convolutions, in order."""
    found = {int(match[1]): shape[0] for key, shape in shapes.items() if (match := re.fullmatch(pattern, key))}
    return tuple(found[index] for index in range(len(found)))
