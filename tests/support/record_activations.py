"""Record what transformers computes for a tiny network, in tests/data (needs the extra [parity]).

``test_recorded.py`` replays the file where PyTorch is not installed. transformers runs in float64, on float32 weights
and pixels, so one recording serves the reference (to float64 rounding) and the model (to float32 rounding).
"""

import json
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from numpy_vitmatte.testing import random_checkpoint, random_pixels, tiny_config, wide

RECORDING = Path(__file__).parents[1] / "data" / "recorded_tiny.safetensors"

CONFIG = tiny_config(
    hidden_size=10,
    num_attention_heads=2,
    image_size=96,
    pretrain_image_size=48,
    window_size=3,
    mlp_ratio=2,
    batch_norm_eps=1e-3,
    convstream_hidden_sizes=(3, 4, 5),
    fusion_hidden_sizes=(7, 5, 4, 3),
)
SHAPE = (2, 4, 64, 32)
"""Two pictures of 4 x 2 tokens, which windows of 3 do not divide."""


def record(path=RECORDING):
    """Write weights, pixels and every named result."""
    import torch
    import transformers

    from support.transformers_models import intermediates, transformers_model

    tensors, pixels = random_checkpoint(CONFIG, seed=7), random_pixels(*SHAPE, seed=7)
    results = intermediates(transformers_model(CONFIG, wide(tensors)), pixels.astype(np.float64))
    arrays = {f"tensors/{name}": tensor for name, tensor in tensors.items()} | {"pixels": pixels}
    arrays |= {f"results/{name}": value for name, value in results.items()}
    versions = {"torch": torch.__version__, "transformers": transformers.__version__}
    metadata = {"config": json.dumps(CONFIG.to_dict(), sort_keys=True), "versions": json.dumps(versions)}
    path.parent.mkdir(exist_ok=True)
    save_file(
        {name: np.ascontiguousarray(array) for name, array in arrays.items()}, path, {"about": json.dumps(metadata)}
    )


if __name__ == "__main__":
    record()
    print(f"{RECORDING}: {RECORDING.stat().st_size / 1000:.0f} kB")
