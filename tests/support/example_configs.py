"""Configurations that several tests share: one of each kind the network treats differently."""

from dataclasses import replace

from numpy_vitmatte.configuration import VitMatteConfig
from numpy_vitmatte.testing import tiny_config

# What hustvl/vitmatte-small-composition-1k has in its config.json: keys that equal a default are absent.
SMALL_FILE = {
    "_commit_hash": None,
    "architectures": ["VitMatteForImageMatting"],
    "backbone_config": {
        "hidden_size": 384,
        "image_size": 512,
        "model_type": "vitdet",
        "num_attention_heads": 6,
        "num_channels": 4,
        "out_features": ["stage12"],
        "out_indices": [12],
        "residual_block_indices": [2, 5, 8, 11],
        "use_relative_position_embeddings": True,
        "window_block_indices": [0, 1, 3, 4, 6, 7, 9, 10],
        "window_size": 14,
    },
    "batch_norm_eps": 1e-05,
    "convstream_hidden_sizes": [48, 96, 192],
    "fusion_hidden_sizes": [256, 128, 64, 32],
    "hidden_size": 384,
    "initializer_range": 0.02,
    "model_type": "vitmatte",
    "torch_dtype": "float32",
    "transformers_version": "4.33.0.dev0",
}

# The base model says neither hidden_size nor num_attention_heads of its backbone: 768 and 12 are the defaults.
BASE_FILE = SMALL_FILE | {
    "backbone_config": {
        key: value
        for key, value in SMALL_FILE["backbone_config"].items()
        if key not in ("hidden_size", "num_attention_heads")
    },
    "hidden_size": 768,
}


def tiniest_config() -> VitMatteConfig:
    """Windowed and global blocks, necks, both kinds of positions: everything the network has, in 30 kB."""
    return tiny_config(
        hidden_size=6,
        num_attention_heads=2,
        patch_size=4,
        image_size=(20, 28),
        pretrain_image_size=12,
        window_size=3,
        convstream_hidden_sizes=(5,),
        fusion_hidden_sizes=(7, 3),
    )


def with_backbone(config: VitMatteConfig, **changes: object) -> VitMatteConfig:
    """The same network with some of its backbone's fields changed; the stages follow a changed depth."""
    stages = {"out_features": None, "out_indices": None}
    backbone = replace(config.backbone_config, **(stages | changes))
    return replace(config, backbone_config=backbone, hidden_size=backbone.hidden_size)


NETWORKS = {
    "tiny": tiniest_config(),
    "small": VitMatteConfig(),
    "base": replace(VitMatteConfig.from_dict(BASE_FILE), extra={}),
    "no-relative-positions": with_backbone(tiniest_config(), use_relative_position_embeddings=False),
    "no-windows": with_backbone(tiniest_config(), window_block_indices=(), window_size=0),
    "no-qkv-bias": with_backbone(tiniest_config(), qkv_bias=False),
    "one-head-odd-width": with_backbone(tiniest_config(), hidden_size=7, num_attention_heads=1),
    "wide-mlp-one-block": with_backbone(
        tiniest_config(), num_hidden_layers=1, mlp_ratio=5, window_block_indices=(), residual_block_indices=(0,)
    ),
}
