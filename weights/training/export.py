"""Write a weights folder from a run's averaged weights: `python -m training.export run/state.pt ../vitmatte-tiny`."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from .network import export


def main() -> None:
    """Export, then say what was written."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("state", type=Path)
    parser.add_argument("folder", type=Path)
    args = parser.parse_args()
    content = torch.load(args.state, map_location="cpu", weights_only=True)
    export(content["average"], args.folder)
    step, samples, seconds = content["counts"]
    size = (args.folder / "model.safetensors").stat().st_size
    print(f"step {step}, {samples} samples, {seconds / 3600:.2f} h; {size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
