"""Weights between those a run began with and those it reached: `python -m training.blend OLD NEW 0.7 BETWEEN`.

A short run on new kinds of pictures forgets some of the old ones. On the line between the two sets of weights most of
what was forgotten comes back before what was learned is lost (Wortsman et al., "Robust fine-tuning of zero-shot
models", CVPR 2022).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from torch import Tensor

from .infer import load
from .network import export


def between(old: dict[str, Tensor], new: dict[str, Tensor], share: float) -> dict[str, Tensor]:
    """`share` of the way from the old weights to the new ones; counters are the new ones'."""
    return {
        name: torch.lerp(old[name], value, share) if value.dtype.is_floating_point else value
        for name, value in new.items()
    }


def main() -> None:
    """Write a weights folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    parser.add_argument("share", type=float, help="0: the old weights, 1: the new ones")
    parser.add_argument("folder", type=Path)
    args = parser.parse_args()
    export(between(load(args.old).state_dict(), load(args.new).state_dict(), args.share), args.folder)


if __name__ == "__main__":
    main()
