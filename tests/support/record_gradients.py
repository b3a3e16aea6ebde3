"""Record PyTorch's gradients of a tiny network, in tests/data (needs the extra [parity]).

``PYTHONPATH=tests python -m support.record_gradients`` writes the file, and ``test_recorded_gradients.py``
replays it where PyTorch is not installed. Weights and pixels are made anew there, from the same seeds; only gradients
are stored, in float64.
"""

import json
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from numpy_vitmatte.testing import random_checkpoint, random_pixels, tiny_config, wide

RECORDING = Path(__file__).parents[1] / "data" / "recorded_gradients.safetensors"

CONFIG = tiny_config(
    hidden_size=8,
    num_hidden_layers=2,
    num_attention_heads=2,
    image_size=32,
    pretrain_image_size=24,
    patch_size=8,
    window_size=3,
    window_block_indices=(0,),
    residual_block_indices=(1,),
    mlp_ratio=2,
    convstream_hidden_sizes=(3, 4),
    fusion_hidden_sizes=(6, 5, 4),
)
SHAPE = (40, 32)
"""5 x 4 tokens: windows of 3 do not divide them, and all tables are resized."""


def example():
    """Tensors, picture (H, W, 4) and the gradient of the loss by the alpha (H, W), all float64."""
    tensors, pixels = wide(random_checkpoint(CONFIG, seed=5)), random_pixels(1, 4, *SHAPE, seed=5)
    cotangent = np.random.default_rng(5).standard_normal(SHAPE)
    return tensors, pixels[0].transpose(1, 2, 0).astype(np.float64), cotangent


def autograd(config, tensors, image, cotangent, training):
    """Alpha, gradients by every tensor that has one and by ``"image"``, and statistics afterwards, from PyTorch."""
    import torch

    from support.transformers_models import transformers_model

    model = transformers_model(config, tensors).train(training)
    model.requires_grad_(True)
    pixels = torch.from_numpy(image.transpose(2, 0, 1)[None].copy()).requires_grad_(True)
    alpha = model(pixels).alphas[0, 0]
    (alpha * torch.from_numpy(cotangent)).sum().backward()
    gradients = {name: tensor.grad.numpy() for name, tensor in model.named_parameters() if tensor.grad is not None}
    buffers = {name: tensor.numpy() for name, tensor in model.named_buffers() if name in tensors}
    return alpha.detach().numpy(), gradients | {"image": pixels.grad[0].permute(1, 2, 0).numpy()}, buffers


def record(path=RECORDING):
    """Write the gradients with stored statistics and with the picture's own, and the versions they come from."""
    import torch
    import transformers

    arrays = {}
    for mode, training in (("stored", False), ("own", True)):
        _, gradients, _ = autograd(CONFIG, *example(), training)
        arrays |= {f"{mode}/{name}": np.ascontiguousarray(gradient) for name, gradient in gradients.items()}
    versions = {"torch": torch.__version__, "transformers": transformers.__version__}
    path.parent.mkdir(exist_ok=True)
    save_file(arrays, path, {"versions": json.dumps(versions)})


if __name__ == "__main__":
    record()
    print(f"{RECORDING}: {RECORDING.stat().st_size / 1000:.0f} kB")
