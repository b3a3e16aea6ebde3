"""The tiny ViTMatte: its configuration, a start that trains well, and its export in Hugging Face's layout."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import VitDetConfig, VitMatteConfig, VitMatteForImageMatting

PREPROCESSOR = {
    "do_normalize": True,
    "do_pad": True,
    "do_rescale": True,
    "image_mean": [0.5, 0.5, 0.5],
    "image_processor_type": "VitMatteImageProcessor",
    "image_std": [0.5, 0.5, 0.5],
    "rescale_factor": 0.00392156862745098,
    "size_divisor": 32,
}


def configuration() -> VitMatteConfig:
    """6 blocks of width 192, two of them global, windows of 8; about 3.5 million parameters."""
    backbone = VitDetConfig(
        hidden_size=192,
        num_hidden_layers=6,
        num_attention_heads=3,
        num_channels=4,
        image_size=512,
        pretrain_image_size=256,
        patch_size=16,
        window_size=8,
        window_block_indices=[0, 1, 3, 4],
        residual_block_indices=[2, 5],
        use_relative_position_embeddings=True,
        out_features=["stage6"],
    )
    return VitMatteConfig(
        backbone_config=backbone,
        hidden_size=192,
        convstream_hidden_sizes=[24, 48, 96],
        fusion_hidden_sizes=[64, 32, 16, 16],
    )


class PatchProjection(nn.Conv2d):
    """The patch embedding as one matrix product.

    The same numbers as the convolution: its stride is its kernel. On Intel processors with AMX, PyTorch 2.13's bfloat16
    convolution of 4 channels by 16 x 16 with stride 16 is silently wrong; the product is right everywhere.
    """

    def forward(self, pixels: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, width, H / patch, W / patch)."""
        count, channels, height, width = pixels.shape
        side = self.kernel_size[0]
        split = pixels.reshape(count, channels, height // side, side, width // side, side)
        patches = split.permute(0, 2, 4, 1, 3, 5).reshape(count, height // side, width // side, channels * side**2)
        return F.linear(patches, self.weight.flatten(1), self.bias).permute(0, 3, 1, 2)


def with_patch_products(model: VitMatteForImageMatting) -> VitMatteForImageMatting:
    """The network with its patch embedding replaced by a `PatchProjection` of the same parameters."""
    convolution = model.backbone.embeddings.projection
    product = PatchProjection(convolution.in_channels, convolution.out_channels, convolution.kernel_size)
    product.weight, product.bias = convolution.weight, convolution.bias
    model.backbone.embeddings.projection = product
    return model


def build(weights: Path | None = None) -> VitMatteForImageMatting:
    """The network of an exported folder, or a fresh one.

    Fresh convolutions start at He's scale: transformers' 0.02 is far too small for narrow ones.
    """
    if weights is not None:
        model = VitMatteForImageMatting.from_pretrained(weights, dtype=torch.float32)
        return with_patch_products(model).to(memory_format=torch.channels_last)
    model = VitMatteForImageMatting(configuration())
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.ones_(module.weight)
            nn.init.zeros_(module.bias)
        elif isinstance(module, nn.Conv2d) and module.kernel_size == (3, 3):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
    return with_patch_products(model).to(memory_format=torch.channels_last)


def export(state: dict[str, torch.Tensor], folder: Path) -> None:
    """Write config.json, preprocessor_config.json and model.safetensors, in float32.

    Stored in float16, the backbone alone would move single pixels of an alpha by up to 0.0025: no norm
    follows its features, so that their rounding shows.
    """
    model = VitMatteForImageMatting(configuration())
    model.load_state_dict(state)
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    (folder / "model.safetensors").chmod(0o644)
    (folder / "preprocessor_config.json").write_text(json.dumps(PREPROCESSOR, indent=2) + "\n")
