"""Write a weights folder from a run's averaged weights: `python -m training.export run/state.safetensors NEW`."""

from __future__ import annotations

import argparse
from pathlib import Path

from numpy_vitmatte.training.state_file import read_state

from .network import configuration, export


def main() -> None:
    """Export, then say what was written."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("state", type=Path)
    parser.add_argument("folder", type=Path)
    args = parser.parse_args()
    words, arrays = read_state(args.state)
    average = {name.removeprefix("average."): each for name, each in arrays.items() if name.startswith("average.")}
    export(average, configuration(), args.folder)
    size = (args.folder / "model.safetensors").stat().st_size
    print(f"step {words['step']}, {words['samples']} samples, {words['seconds'] / 3600:.2f} h; {size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
