"""Write a weights folder from a run's averaged weights: `python -m training.export run/state.pt ../vitmatte-tiny`."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

from .infer import load, predict
from .network import build, export


def half_precision_error(state: dict[str, torch.Tensor], folder: Path, size: int = 256) -> float:
    """Largest difference that float16 storage makes to an alpha, on noise of which nothing is known."""
    whole = build().eval()
    whole.load_state_dict(state)
    image = np.random.default_rng(0).integers(0, 256, (size, size, 3), np.uint8)
    trimap = np.full((size, size), 128, np.uint8)
    return float(np.abs(predict(whole, image, trimap) - predict(load(folder), image, trimap)).max())


def main() -> None:
    """Export, then load what was written and say what float16 costs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("state", type=Path)
    parser.add_argument("folder", type=Path)
    args = parser.parse_args()
    content = torch.load(args.state, map_location="cpu", weights_only=True)
    export(content["average"], args.folder)
    step, samples, seconds = content["counts"]
    size = (args.folder / "model.safetensors").stat().st_size
    error = half_precision_error(content["average"], args.folder)
    print(
        f"step {step}, {samples} samples, {seconds / 3600:.2f} h; {size / 1e6:.2f} MB; float16 moves alphas {error:.1e}"
    )


if __name__ == "__main__":
    main()
